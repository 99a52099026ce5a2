/** Base images from a registry on loopback: pulled once, kept in the store, asked for again by --pull. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeContext } from '../support/context.ts';
import { forRegistry, forRun, skipWithout } from '../support/needs.ts';
import { startRegistry } from '../support/registry.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { buildRaw, mustBuild, runTsbuild } from '../support/tsbuild.ts';

const skip = skipWithout(...forRun, ...forRegistry);

test('a base image is pulled from a registry once; without the registry the store has it, and --pull fails', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const call = { store: join(folder, 'store') };
  const registry = await startRegistry(t);
  const context = await writeContext(folder, { Dockerfile: `FROM ${await registry.push('busybox')}\nRUN echo built > /built\n` });
  const first = await mustBuild(['--network=none', context], call);
  await registry.stop();
  const second = await mustBuild(['--network=none', context], call);
  assert.equal(second.summary?.imageID, first.summary?.imageID);
  const pulled = await buildRaw(['--network=none', '--pull', context], call);
  assert.equal(pulled.exitCode, 4);
  assert.equal(pulled.error?.errorClass, 'registry');
});

test('an image that the registry does not have ends with exit code 4, naming the line and the image', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const { address } = await startRegistry(t);
  const context = await writeContext(folder, { Dockerfile: `# one\nFROM ${address}/missing:1.0\n` });
  const { exitCode, stdout, stderr } = await runTsbuild(['build', '--progress=quiet', context], { store: join(folder, 'store') });
  assert.equal(exitCode, 4, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, /^Dockerfile:2$/m);
  assert.match(stderr, new RegExp(`^ERROR: .*${address}/missing:1\\.0`, 'm'));
});
