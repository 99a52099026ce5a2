import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
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

/** A store whose temporary folder was a dead process's, with this list of leases. */
function storeOfDead(root: string, list: string): void {
  mkdirSync(join(root, 'tmp', '9-dead'), { recursive: true });
  writeFileSync(join(root, 'tmp', '9-dead.lock'), list);
}

test('openStore removes what a dead process had outside of the store, and nothing that its list cannot mean', async (t) => {
  const folder = temporaryFolder(t);
  const root = join(folder, 'store');
  const groups = join(folder, 'groups');
  const [file, tree, ours] = ['.tsbuild-0123456789ab', '.tsbuild-aaaaaaaaaaaa', 'image.tar'].map((name) => join(folder, name));
  for (const name of ['tsbuild-1-22-333-1', 'tsbuild-1-22-333-2', 'tsbuild-1-22-4-1', 'tsbuild-1-22-333-x', 'other']) mkdirSync(join(groups, name), { recursive: true });
  writeFileSync(file ?? '', 'half');
  mkdirSync(join(tree ?? '', 'deep'), { recursive: true });
  writeFileSync(ours ?? '', 'whole');
  const lines = [
    'oci/blobs/sha256/x',
    ...[file, tree, ours, '.tsbuild-0123456789ab'].map((path) => `!${JSON.stringify({ kind: 'unfinished', path })}`),
    ...[['tsbuild-1-22-333-'], ['tsbuild-'], [''], [null]].map(([prefix]) => `!${JSON.stringify({ kind: 'groups', directory: groups, prefix })}`),
    `!${JSON.stringify({ kind: 'groups', directory: join(folder, 'gone'), prefix: 'tsbuild-1-22-333-' })}`,
    '!null', '![]', '!{"kind":"unfin',
  ];
  storeOfDead(root, lines.join('\n'));
  const notices: string[] = [];
  const store = await openTestStore(t, { root, report: ({ text }) => notices.push(text) });
  await store.cleaned;
  assert.deepEqual(notices, []);
  assert.deepEqual(readdirSync(folder).sort(), ['groups', 'image.tar', 'store']);
  assert.deepEqual(readdirSync(groups).sort(), ['other', 'tsbuild-1-22-333-x', 'tsbuild-1-22-4-1']);
});

test('what a live process has outside of the store stays, and a list is kept as long as something of it is there', async (t) => {
  const folder = temporaryFolder(t);
  const root = join(folder, 'store');
  const [live, dead] = ['.tsbuild-0123456789ab', '.tsbuild-aaaaaaaaaaaa'].map((name) => join(folder, name)) as [string, string];
  const first = await openTestStore(t, { root });
  await first.cleaned;
  first.remember([{ kind: 'unfinished', path: live }]);
  for (const path of [live, dead]) writeFileSync(path, 'half');
  storeOfDead(root, `!${JSON.stringify({ kind: 'unfinished', path: dead })}\n`);
  const notices: string[] = [];
  const removeTree = (path: string): Promise<void> => (path === dead ? Promise.reject(new Error('not now')) : Promise.resolve(rmSync(path, { recursive: true, force: true })));
  const second = await openStore({ root, processId: 2, ...kernelLocks, removeTree, report: ({ text }) => notices.push(text) });
  await second.close();
  assert.deepEqual(notices, [`remove leftover ${join(root, 'tmp', '9-dead')}: not now`]);
  assert.deepEqual([existsSync(live), existsSync(dead)], [true, true]);
  const third = await openStore({ root, processId: 3, ...kernelLocks });
  await third.close();
  assert.deepEqual([existsSync(live), existsSync(dead)], [true, false]);
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
