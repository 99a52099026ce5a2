/** A real distribution: apt-get in RUN reaches the package sources of this machine; the base comes from a registry. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { copyFixture } from '../support/context.ts';
import { buildahRun } from '../support/foreign-tools.ts';
import { forJudging, judgeBuild } from '../support/judge-image.ts';
import { forDebian, forRegistry, skipWithout } from '../support/needs.ts';
import { startRegistry } from '../support/registry.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('apt-get update and install work in RUN, on a Debian image from a registry', { skip: skipWithout(...forJudging, ...forDebian, ...forRegistry) }, async (t) => {
  const folder = temporaryFolder(t);
  const registry = await startRegistry(t);
  const context = await copyFixture('debian-apt', folder);
  const args = ['--build-context', `debian=docker-image://${await registry.push('debian')}`, context];
  const { archive } = await judgeBuild({ args, folder, call: { store: join(folder, 'store') } });
  assert.equal(await buildahRun(t, archive, ['sh', '-c', 'cat /sum.txt; jq --version; stat -c %a:%u /home/someone/tool']), '6\njq-1.6\n4750:1234\n');
});
