/** A compiler in one stage, its program alone in an image from scratch. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { copyFixture } from '../support/context.ts';
import { buildahRun } from '../support/foreign-tools.ts';
import { forJudging, judgeBuild } from '../support/judge-image.ts';
import { forDebian, forRegistry, skipWithout } from '../support/needs.ts';
import { logOf } from '../support/raw-events.ts';
import { startRegistry } from '../support/registry.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('a C program compiled in one stage runs in an image from scratch', { skip: skipWithout(...forJudging, ...forDebian, ...forRegistry) }, async (t) => {
  const folder = temporaryFolder(t);
  const registry = await startRegistry(t);
  const context = await copyFixture('c-program', folder);
  const args = ['--build-context', `debian=docker-image://${await registry.push('debian')}`, context];
  const { first, archive } = await judgeBuild({ args, folder, call: { store: join(folder, 'store') } });
  assert.equal(logOf(first.events, /"\/primes", "30"/), '2 3 5 7 11 13 17 19 23 29\n');
  assert.equal(await buildahRun(t, archive, ['/primes', '20']), '2 3 5 7 11 13 17 19\n');
});
