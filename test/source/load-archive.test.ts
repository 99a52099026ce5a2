import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { blobOfDiffID, digestOf, hexOf, type BlobDigest } from '../../src/base/digest.ts';
import { mediaTypes, type Descriptor } from '../../src/image/config.ts';
import { loadArchive } from '../../src/source/load-archive.ts';
import { findCompressed } from '../../src/store/layer-blobs.ts';
import type { Store, Tag } from '../../src/store/store.ts';
import { openTestStore } from '../store/open-test-store.ts';
import { temporaryFolder } from '../store/temporary-folder.ts';
import { archiveEntries, tarOf, type Content } from './image-archives.ts';
import { decompress, makeImage, makeIndex, plainForm, problemsIn, quietIo, writeLayout } from './images.ts';

const layers = await Promise.all([tarOf([['etc/hello', 'one']]), tarOf([['etc/world', Buffer.alloc(100_000, 'two')]])]);

function load(store: Store, input: string | Buffer): Promise<readonly Tag[]> {
  const bytes = typeof input === 'string' ? input : (async function* () {
    for (let at = 0; at < input.length; at += 10_000) yield await Promise.resolve(input.subarray(at, at + 10_000));
  })();
  return loadArchive(store, bytes, { decompress, io: quietIo() });
}

/** Loads, and checks that every image is whole and tagged. */
async function check(t: TestContext, input: string | Buffer, names: readonly string[]): Promise<{ store: Store; tags: readonly Tag[] }> {
  const store = await openTestStore(t);
  const tags = await load(store, input);
  assert.deepEqual(tags.map(({ name }) => name), names);
  assert.deepEqual((await store.tags.list()).map(({ name }) => name).sort(), [...names].sort());
  for (const { descriptor } of tags) assert.deepEqual(await problemsIn(store, descriptor), []);
  return { store, tags };
}

function skopeo(...args: readonly string[]): void {
  execFileSync('skopeo', ['--insecure-policy', 'copy', ...args], { stdio: 'pipe' });
}

function layoutOf(t: TestContext): { dir: string; root: Descriptor } {
  const dir = join(temporaryFolder(t), 'layout');
  const made = makeImage(layers);
  writeLayout(dir, [{ made, refName: 'user/app:1' }]);
  return { dir, root: made.root };
}

test('a layout in a directory is loaded with its layers both ways', async (t) => {
  const { dir, root } = layoutOf(t);
  const { store, tags } = await check(t, dir, ['docker.io/user/app:1']);
  assert.equal(tags[0]?.descriptor.digest, root.digest);
  for (const layer of layers) {
    const diffID = makeImage([layer]).diffIDs[0] ?? assert.fail();
    assert.notEqual(store.blobs.stat(blobOfDiffID(diffID)), null);
    assert.equal((await findCompressed(store, diffID, [mediaTypes.ociLayerGzip]))?.mediaType, mediaTypes.ociLayerGzip);
  }
});

test('an OCI archive of skopeo is loaded, and as a stream of gzip as well', async (t) => {
  const { dir, root } = layoutOf(t);
  const file = join(dir, '../oci.tar');
  skopeo(`oci:${dir}:user/app:1`, `oci-archive:${file}:quay.io/x/y:2`);
  const { tags } = await check(t, file, ['quay.io/x/y:2']);
  assert.equal(tags[0]?.descriptor.digest, root.digest);
  await check(t, gzipSync(readFileSync(file)), ['quay.io/x/y:2']);
});

test('a docker-archive of skopeo becomes an OCI image over plain layers', async (t) => {
  const { dir } = layoutOf(t);
  const file = join(dir, '../docker.tar');
  skopeo(`oci:${dir}:user/app:1`, `docker-archive:${file}:user/app:3`, '--additional-tag', 'quay.io/also:4');
  const { store, tags } = await check(t, file, ['docker.io/user/app:3', 'quay.io/also:4']);
  const manifest = JSON.parse((await store.blobs.read(tags[0]?.descriptor.digest ?? assert.fail())).toString()) as { layers: Descriptor[] };
  assert.deepEqual(manifest.layers.map(({ digest, mediaType }) => [mediaType, digest]), layers.map((tar) => [mediaTypes.ociLayer, digestOf(tar)]));
});

test('zstd layers are loaded', async (t) => {
  const zstd = { mediaType: mediaTypes.ociLayerZstd, compress: (tar: Buffer) => execFileSync('zstd', ['-q', '-c'], { input: tar }) };
  const made = makeImage(layers, zstd);
  const store = await openTestStore(t);
  const dir = temporaryFolder(t);
  writeLayout(dir, [{ made, refName: 'z:1' }]);
  await load(store, dir);
  for (const tar of layers) assert.notEqual(store.blobs.stat(digestOf<BlobDigest>(tar)), null);
});

test('an image without a name, or with a tag alone, is called by its digest', async (t) => {
  const dir = temporaryFolder(t);
  const [one, two] = [makeImage(layers), makeImage(layers, plainForm)];
  writeLayout(dir, [{ made: one }, { made: two, refName: 'latest' }]);
  await check(t, dir, [one, two].map(({ root }) => `docker.io/library/loaded:${hexOf(root.digest).slice(0, 12)}`));
});

test('an index of which the layout holds one platform is loaded as it is', async (t) => {
  const dir = temporaryFolder(t);
  const images = ['amd64', 'arm64'].map((architecture) => ({ ...makeImage(layers, undefined, { os: 'linux', architecture }), platform: { os: 'linux', architecture } }));
  const made = makeIndex(images);
  writeLayout(dir, [{ made, refName: 'multi:1' }]);
  rmSync(join(dir, 'blobs/sha256', hexOf(images[1]?.root.digest ?? assert.fail())));
  const store = await openTestStore(t);
  assert.deepEqual((await load(store, dir)).map(({ descriptor }) => descriptor.digest), [made.root.digest]);
  assert.deepEqual(await problemsIn(store, images[0]?.root ?? assert.fail()), []);
  rmSync(join(dir, 'blobs/sha256', hexOf(images[0]?.root.digest ?? assert.fail())));
  await assert.rejects(load(store, dir), { code: 'LAYOUT_INVALID' });
});

const made = makeImage(layers);
const [, config = ''] = /"config":\{"digest":"(sha256:[0-9a-f]+)"/.exec(made.blobs.get(made.root.digest)?.toString() ?? '') ?? [];
const saved = (changes: object = {}): string => JSON.stringify([{ Config: 'config.json', RepoTags: ['app:1'], Layers: ['a/layer.tar', 'b/layer.tar'], ...changes }]);
const dockerEntries = (manifest: string = saved()): [string, Content][] => [
  ['a/layer.tar', layers[0] ?? ''], ['b/layer.tar', layers[1] ?? ''], ['config.json', made.blobs.get(config) ?? ''], ['manifest.json', manifest],
];

test('a docker-archive may compress, link and repeat its layers', async (t) => {
  const twice = makeImage([...layers, ...layers.slice(0, 1)]);
  const [, twiceConfig = ''] = /"config":\{"digest":"(sha256:[0-9a-f]+)"/.exec(twice.blobs.get(twice.root.digest)?.toString() ?? '') ?? [];
  await check(t, await tarOf([
    ['./manifest.json', saved({ Layers: ['c/layer.tar', 'b.tar.gz', 'd/hard.tar'] })],
    ['c/layer.tar', { type: 'symlink', linkname: '../d/hard.tar' }],
    ['d/', { type: 'directory' }],
    ['d/hard.tar', { type: 'link', linkname: 'e.tar' }],
    ['e.tar', layers[0] ?? ''],
    ['b.tar.gz', gzipSync(layers[1] ?? '')],
    ['config.json', twice.blobs.get(twiceConfig) ?? ''],
    ['VERSION', '1.0'],
  ]), ['docker.io/library/app:1']);
});

const good = (): readonly (readonly [string, Content])[] => archiveEntries(made);
const layerName = `blobs/sha256/${hexOf(made.layers[0]?.digest ?? assert.fail())}`;
const without = (name: string): readonly (readonly [string, Content])[] => good().filter(([entry]) => entry !== name);

test('the archive that the hostile ones are made from is right', async (t) => {
  await check(t, await tarOf(good()), ['docker.io/library/app:1']);
  await check(t, await tarOf([...good(), [layerName, made.blobs.get(made.layers[0]?.digest ?? '') ?? '']]), ['docker.io/library/app:1']);
  await check(t, await tarOf(dockerEntries()), ['docker.io/library/app:1']);
});

const hostile: readonly (readonly [string, readonly (readonly [string, Content])[], string])[] = [
  ['a name that climbs out', [['../evil', 'x'], ...good()], 'ARCHIVE_INVALID'],
  ['a name that climbs out in the middle', [['a/../../evil', 'x'], ...good()], 'ARCHIVE_INVALID'],
  ['an absolute name', [['/etc/passwd', 'x'], ...good()], 'ARCHIVE_INVALID'],
  ['a link that climbs out', [['a', { type: 'symlink', linkname: '../../etc/passwd' }], ...good()], 'ARCHIVE_INVALID'],
  ['an absolute link', [['a', { type: 'symlink', linkname: '/etc/passwd' }], ...good()], 'ARCHIVE_INVALID'],
  ['a pipe', [['a', { type: 'fifo' }], ...good()], 'ARCHIVE_INVALID'],
  ['a device', [['a', { type: 'character-device', devmajor: 1, devminor: 3 }], ...good()], 'ARCHIVE_INVALID'],
  ['a blob with other bytes', [...without(layerName), [layerName, 'other']], 'ARCHIVE_INVALID'],
  ['a blob that is missing', without(layerName), 'ARCHIVE_INVALID'],
  ['a blob that is a link', [...without(layerName), [layerName, { type: 'symlink', linkname: '../../oci-layout' }]], 'ARCHIVE_INVALID'],
  ['two indexes', [...good(), ['./index.json', '{}']], 'ARCHIVE_INVALID'],
  ['an index larger than the limit', [['oci-layout', '{}'], ['index.json', Buffer.alloc(5_000_000, ' ')]], 'ARCHIVE_INVALID'],
  ['an index without images', [['oci-layout', '{}'], ['index.json', '{"schemaVersion":2,"manifests":[]}']], 'LAYOUT_INVALID'],
  ['a descriptor with a wrong size', [...without('index.json'), ['index.json', JSON.stringify({ schemaVersion: 2, manifests: [{ ...made.root, size: made.root.size + 1 }] })]], 'ARCHIVE_INVALID'],
  ['nothing', [], 'ARCHIVE_INVALID'],
  ['something else', [['hello.txt', 'hello']], 'ARCHIVE_INVALID'],
  ['a layer of the docker-archive missing', dockerEntries().slice(1), 'ARCHIVE_INVALID'],
  ['a config that climbs out', dockerEntries(saved({ Config: '../../etc/passwd' })), 'ARCHIVE_INVALID'],
  ['links in a circle', [...dockerEntries(saved({ Layers: ['x', 'y'] })), ['x', { type: 'symlink', linkname: 'y' }], ['y', { type: 'symlink', linkname: 'x' }]], 'ARCHIVE_INVALID'],
  ['another layer than the config says', dockerEntries(saved({ Layers: ['a/layer.tar', 'config.json'] })).filter(([name]) => name !== 'b/layer.tar'), 'DIFFID_MISMATCH'],
  ['fewer layers than diffIDs', dockerEntries(saved({ Layers: ['a/layer.tar'] })), 'ARCHIVE_INVALID'],
  ['a manifest.json that is an object', dockerEntries('{}'), 'DOCUMENT_INVALID'],
  ['a manifest.json without a config', dockerEntries(saved({ Config: 1 })), 'DOCUMENT_INVALID'],
  ['a tag that is no reference', dockerEntries(saved({ RepoTags: ['../../x'] })), 'REFERENCE_INVALID'],
];
for (const [what, entries, code] of hostile) {
  test(`an archive with ${what} is refused, and nothing is tagged`, async (t) => {
    const store = await openTestStore(t);
    await assert.rejects(load(store, await tarOf(entries)), { name: 'TsbuildError', code });
    assert.deepEqual(await store.tags.list(), []);
  });
}

test('archives that are no tar, or end too early, are refused', async (t) => {
  const store = await openTestStore(t);
  const whole = await tarOf(good());
  for (const bytes of [Buffer.alloc(10_000, 'x'), whole.subarray(0, 1500), whole.subarray(0, whole.length - 1024 - 700), gzipSync(whole).subarray(0, -100)]) {
    await assert.rejects(load(store, bytes), { name: 'TsbuildError', errorClass: 'registry' });
  }
  await assert.rejects(load(store, '/does/not/exist'), { code: 'ARCHIVE_UNREADABLE', exitCode: 2 });
});

test('a header that announces gigabytes costs no memory', async (t) => {
  const store = await openTestStore(t);
  const tar = await tarOf([['PaxHeader', { type: 'file', size: 0 }]]);
  // An extended header (type x) of 8 GiB less one byte, with its checksum made right.
  tar.write('x', 156, 'latin1');
  tar.write('77777777777', 124, 'latin1');
  tar.fill(' ', 148, 156);
  tar.write(`${tar.subarray(0, 512).reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  await assert.rejects(load(store, Buffer.concat([tar, Buffer.alloc(10_000)])), { code: 'ARCHIVE_INVALID' });
});

test('a blob of a layout that is a link, a pipe or another size is refused', async (t) => {
  for (const spoil of [
    (path: string) => { renameSync(path, `${path}.real`); symlinkSync(`${path}.real`, path); },
    (path: string) => { rmSync(path); execFileSync('mkfifo', [path]); },
    (path: string) => { rmSync(path); mkdirSync(path); },
    (path: string) => writeFileSync(path, 'short'),
    (path: string) => writeFileSync(path, Buffer.alloc(1_000_000)),
    (path: string) => rmSync(path),
  ]) {
    const { dir, root } = layoutOf(t);
    spoil(join(dir, 'blobs/sha256', hexOf(root.digest)));
    const store = await openTestStore(t);
    await assert.rejects(load(store, dir), { name: 'TsbuildError', errorClass: 'registry' });
  }
});

test('an abort ends loading', async (t) => {
  const store = await openTestStore(t);
  const controller = new AbortController();
  controller.abort();
  const bytes = await tarOf(good());
  await assert.rejects(loadArchive(store, (async function* () { yield await Promise.resolve(bytes); })(), { decompress, io: quietIo(controller.signal) }), { code: 'INTERRUPTED' });
});
