/** A Node.js application whose packages come from the npm registry that this machine is set to. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { copyFixture } from '../support/context.ts';
import { forJudging, judgeBuild } from '../support/judge-image.ts';
import { forDebian, forRegistry, skipWithout } from '../support/needs.ts';
import { startRegistry } from '../support/registry.ts';
import { mustRun } from '../support/run-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('npm ci in RUN reaches the npm registry', { skip: skipWithout(...forJudging, ...forDebian, ...forRegistry, { program: 'npm' }) }, async (t) => {
  const folder = temporaryFolder(t);
  const registry = await startRegistry(t);
  const context = await copyFixture('node-app', folder);
  const npmRegistry = (await mustRun('npm', ['config', 'get', 'registry'])).trim();
  const args = ['--build-arg', `NPM_CONFIG_REGISTRY=${npmRegistry}`, '--build-context', `node=docker-image://${await registry.push('node')}`, context];
  const { rootfs } = await judgeBuild({ args, folder, call: { store: join(folder, 'store') } });
  assert.equal(await readFile(join(rootfs, 'app/told.txt'), 'utf8'), 'two days are 172800000 ms; 1.2.3 is before 1.10.0: true\n');
});
