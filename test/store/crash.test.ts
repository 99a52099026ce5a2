import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeKey } from '../../src/base/canonical.ts';
import { digestFromHex, digestOf, type BlobDigest } from '../../src/base/digest.ts';
import { openCache } from '../../src/cache/cache.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { kernelLocks } from './kernel-lock.ts';
import { openTestStore } from './open-test-store.ts';
import { temporaryFolder } from './temporary-folder.ts';

const killsMax = 12;

/** Starts the endless writer and waits until it has begun so many steps; the first is that it has the store open. */
async function startWriter(root: string, number: number, stepsMin = 1): Promise<ChildProcess> {
  const script = join(import.meta.dirname, 'ingest-forever.ts');
  const args = ['--import', import.meta.resolve('tsx'), script, root, String(number)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } });
  for (let steps = 0; steps < stepsMin; ) steps += String((await once(child.stdout, 'data'))[0]).length;
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** Everything that a reader may rely on, whatever happened before. */
async function checkStore(store: Store): Promise<void> {
  const blobs = readdirSync(join(store.paths.oci, 'blobs', 'sha256'));
  for (const name of blobs) {
    const digest = digestFromHex<BlobDigest>(name);
    assert.equal(digestOf(await store.blobs.read(digest)), digest);
  }
  for (const { descriptor } of await store.tags.list()) assert.equal(store.blobs.stat(descriptor.digest), descriptor.size);
  for (const name of readdirSync(store.paths.cache)) if (name !== 'last') assert.doesNotThrow(() => checkRecord(join(store.paths.cache, name)));
  assert.deepEqual(readdirSync(store.paths.oci).sort(), ['blobs', 'index.json', 'oci-layout']);
}

function checkRecord(path: string): void {
  for (const line of readFileSync(path, 'utf8').trim().split('\n')) JSON.parse(line);
}

test('a store is right after its writers were killed at any moment, and their leftovers go', async (t) => {
  const root = join(temporaryFolder(t), 'store');
  for (let round = 0; round < killsMax; round += 1) {
    const child = await startWriter(root, round, 2 + round * 3);
    await kill(child);
    const notices: string[] = [];
    const store = await openStore({ root, processId: process.pid, ...kernelLocks, report: ({ text }) => notices.push(text) });
    await checkStore(store);
    await store.close();
    assert.deepEqual(readdirSync(join(root, 'tmp')), []);
    assert.deepEqual(notices, []);
  }
});

test('opening a store leaves the temporary folder of a live process alone, and takes it once that was killed', async (t) => {
  const root = join(temporaryFolder(t), 'store');
  const child = await startWriter(root, 0);
  const [live] = readdirSync(join(root, 'tmp')).filter((name) => !name.endsWith('.lock'));
  const first = await openStore({ root, processId: process.pid, ...kernelLocks });
  await first.close();
  assert.equal(existsSync(join(root, 'tmp', live ?? '')), true);
  await kill(child);
  const second = await openStore({ root, processId: process.pid, ...kernelLocks });
  await second.close();
  assert.deepEqual(readdirSync(join(root, 'tmp')), []);
});

test('two processes write the same blobs, records and different names at once', async (t) => {
  const root = join(temporaryFolder(t), 'store');
  const store = await openTestStore(t, { root });
  const children = await Promise.all([startWriter(root, 1, 20), startWriter(root, 2, 20)]);
  for (let i = 0; i < 50; i += 1) {
    await store.blobs.put(`shared ${i}`);
    await store.tags.update({ set: [{ name: `mine-${i}`, descriptor: { mediaType: 'a/b', digest: digestOf(`shared ${i}`), size: `shared ${i}`.length } }] });
  }
  await Promise.all(children.map(kill));
  const names = (await store.tags.list()).map(({ name }) => name);
  assert.equal(names.filter((name) => name.startsWith('mine-')).length, 50);
  assert.ok(names.some((name) => name.startsWith('name-1-')) && names.some((name) => name.startsWith('name-2-')));
  await checkStore(store);
  const result = await openCache(store).get(makeKey('test/1', [{ name: 'round', value: 0 }]));
  assert.ok(result !== null);
});

test('many processes open the same new store at once', async (t) => {
  const root = join(temporaryFolder(t), 'store');
  const stores = await Promise.all(Array.from({ length: 10 }, (_, processId) => openStore({ root, processId, ...kernelLocks })));
  await Promise.all(stores.map((store, at) => store.tags.update({ set: [{ name: `n${at}`, descriptor: { mediaType: 'a/b', digest: digestOf('x'), size: 1 } }] })));
  assert.equal((await stores[0]?.tags.list())?.length, 10);
  await Promise.all(stores.map((store) => store.close()));
  assert.deepEqual(readdirSync(join(root, 'tmp')), []);
});
