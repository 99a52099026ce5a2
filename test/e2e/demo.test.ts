/** The first command of the README, as a user calls it. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildahRun, skopeoInspect } from '../support/foreign-tools.ts';
import { fromLayout } from '../support/context.ts';
import { forJudging, judgeBuild } from '../support/judge-image.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { mustRun } from '../support/run-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { repository } from '../support/tsbuild.ts';

const demo = join(repository, 'fixtures/demo');

test('npm run demo prints the digest of an image and the path of its tarball', { skip: skipWithout(...forRun, { program: 'skopeo' }) }, async () => {
  const text = await mustRun(process.execPath, [join(demo, 'demo.mjs')], { cwd: repository });
  const digest = /^digest {3}(sha256:[0-9a-f]{64})$/m.exec(text)?.[1];
  const tarball = /^tarball {2}(\/.*)$/m.exec(text)?.[1];
  assert.ok(digest !== undefined && tarball !== undefined, text);
  assert.ok(existsSync(tarball));
  const inspected = await skopeoInspect(`oci-archive:${tarball}`);
  assert.equal(inspected.Digest, digest);
});

test('the demo is built once, and foreign tools read and run it', { skip: skipWithout(...forJudging) }, async (t) => {
  const folder = temporaryFolder(t);
  const { archive } = await judgeBuild({ args: [...await fromLayout('busybox'), demo], folder, call: { store: join(folder, 'store'), cwd: demo } });
  const told = await buildahRun(t, archive, ['demo']);
  assert.match(told, /^Built by tsbuild\n/);
  assert.match(told, /^8 words: blob config digest/m);
});
