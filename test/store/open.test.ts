import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaultStoreRoot, openStore } from '../../src/store/open.ts';
import { kernelLocks } from './kernel-lock.ts';
import { openTestStore } from './open-test-store.ts';
import { mountedFolder, skipWithoutRoot, temporaryFolder } from './temporary-folder.ts';

test('openStore makes an OCI image layout and the folders beside it, for this user alone', async (t) => {
  const store = await openTestStore(t);
  assert.deepEqual(JSON.parse(readFileSync(join(store.paths.oci, 'oci-layout'), 'utf8')), { imageLayoutVersion: '1.0.0' });
  assert.deepEqual(readdirSync(store.paths.root).sort(), ['cache', 'files', 'logs', 'mounts', 'oci', 'snapshots', 'tmp']);
  for (const path of Object.values<string>({ ...store.paths })) assert.equal(statSync(path).mode & 0o777, 0o700, path);
});

test('openStore opens what is there already and keeps it', async (t) => {
  const root = join(temporaryFolder(t), 'store');
  const first = await openTestStore(t, { root });
  const { digest } = await first.blobs.put('kept');
  const second = await openTestStore(t, { root });
  assert.equal((await second.blobs.read(digest)).toString(), 'kept');
});

test('close removes the temporary folder and its lock file', async (t) => {
  const root = join(temporaryFolder(t), 'store');
  const store = await openStore({ root, processId: 1, ...kernelLocks });
  writeFileSync(join(store.paths.tmp, 'x'), '');
  await store.close();
  assert.deepEqual(readdirSync(join(root, 'tmp')), []);
});

test('openStore removes what dead processes left and nothing of live ones', async (t) => {
  const root = join(temporaryFolder(t), 'store');
  mkdirSync(join(root, 'tmp', '9-dead', 'deep'), { recursive: true });
  writeFileSync(join(root, 'tmp', '9-dead', 'deep', 'file'), 'x');
  writeFileSync(join(root, 'tmp', '9-dead.lock'), '');
  const first = await openStore({ root, processId: 1, ...kernelLocks });
  const second = await openStore({ root, processId: 2, ...kernelLocks });
  await second.close();
  assert.equal(existsSync(first.paths.tmp), true);
  await first.close();
  assert.deepEqual(readdirSync(join(root, 'tmp')), []);
});

test('a leftover that cannot be removed is reported and does not stop anything', async (t) => {
  const root = join(temporaryFolder(t), 'store');
  mkdirSync(join(root, 'tmp'), { recursive: true });
  writeFileSync(join(root, 'tmp', '9-dead.lock'), '');
  const notices: string[] = [];
  const removeTree = (path: string): Promise<void> => (path.endsWith('9-dead') ? Promise.reject(new Error('busy')) : Promise.resolve());
  const store = await openStore({ root, processId: 2, ...kernelLocks, removeTree, report: ({ code, text }) => notices.push(`${code} ${text}`) });
  await store.close();
  assert.deepEqual(notices, [`STORE_LEFTOVER remove leftover ${join(root, 'tmp', '9-dead')}: busy`]);
});

test('openStore names the cause when it may not write', async (t) => {
  const file = join(temporaryFolder(t), 'file');
  writeFileSync(file, '');
  await assert.rejects(openStore({ root: join(file, 'store'), processId: 1, ...kernelLocks }), { code: 'STORE_IO', errorClass: 'machine' });
});

test('openStore on a read-only file system says so', { skip: skipWithoutRoot }, async (t) => {
  const root = join(mountedFolder(t, 'ro'), 'store');
  await assert.rejects(openStore({ root, processId: 1, ...kernelLocks }), { code: 'STORE_READ_ONLY', errorClass: 'machine' });
});

const roots: readonly (readonly [Parameters<typeof defaultStoreRoot>[0], number, string])[] = [
  [{ TSBUILD_ROOT: '/data', HOME: '/root' }, 0, '/data'],
  [{ HOME: '/root' }, 0, '/var/lib/tsbuild'],
  [{ HOME: '/home/u', XDG_DATA_HOME: '/xdg' }, 1000, '/xdg/tsbuild'],
  [{ HOME: '/home/u', XDG_DATA_HOME: 'relative' }, 1000, '/home/u/.local/share/tsbuild'],
  [{ HOME: '/home/u', TSBUILD_ROOT: '' }, 1000, '/home/u/.local/share/tsbuild'],
];
for (const [environment, uid, expected] of roots) {
  test(`defaultStoreRoot of ${JSON.stringify(environment)} for uid ${uid} is ${expected}`, () => {
    assert.equal(defaultStoreRoot(environment, uid), expected);
  });
}

test('defaultStoreRoot without any home asks for TSBUILD_ROOT', () => {
  assert.throws(() => defaultStoreRoot({}, 1000), { code: 'STORE_ROOT_UNKNOWN' });
});
