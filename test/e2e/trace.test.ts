/** The counter behind "a second build does nothing": it must see what a first build does. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { fromLayout, writeContext } from '../support/context.ts';
import { forRun, forTrace, skipWithout } from '../support/needs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { traceBuild } from '../support/trace.ts';

test('the counter sees mounts and processes of a build that is not cached, and none of one that is', { skip: skipWithout(...forRun, ...forTrace) }, async (t) => {
  const folder = temporaryFolder(t);
  const context = await writeContext(folder, { Dockerfile: 'FROM busybox\nRUN true\n' });
  const args = ['--network=none', ...await fromLayout('busybox'), context];
  const call = { store: join(folder, 'store') };
  const first = await traceBuild(args, call);
  assert.equal(first.exitCode, 0, first.text);
  for (const name of ['execve', 'move_mount', 'clone3']) {
    assert.ok(first.calls.some((line) => line.includes(`${name}(`)), `${name} was counted:\n${first.calls.join('\n')}`);
  }
  const second = await traceBuild(args, call);
  assert.equal(second.exitCode, 0, second.text);
  assert.deepEqual(second.calls, []);
});
