import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { blobOfDiffID, hexOf } from '../../src/base/digest.ts';
import { mediaTypes } from '../../src/image/config.ts';
import { decodeManifest } from '../../src/image/decode.ts';
import { parseReference } from '../../src/image/reference.ts';
import { createResolver, type ImageRequest, type ResolvedImage } from '../../src/source/resolver.ts';
import type { NamedContext } from '../../src/source/named-context.ts';
import { findCompressed } from '../../src/store/layer-blobs.ts';
import type { Store } from '../../src/store/store.ts';
import { openTestStore } from '../store/open-test-store.ts';
import { temporaryFolder } from '../store/temporary-folder.ts';
import { fakeRegistry, type FakeRegistry } from './fake-registry.ts';
import { decompress, makeImage, makeIndex, problemsIn, quietIo, writeLayout, type Made } from './images.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };
const arm64 = { os: 'linux', architecture: 'arm64' };
const calm = new AbortController().signal;
const tars = ['one', 'two'].map((text) => Buffer.alloc(4096, text));

interface Setting {
  readonly store: Store;
  readonly registry: FakeRegistry;
  /** Resolves as a new build would. */
  readonly resolve: (reference: string, changes?: Partial<ImageRequest>, contexts?: ReadonlyMap<string, NamedContext>) => Promise<ResolvedImage>;
  readonly publish: (name: string, made: Made) => void;
}

async function setUp(t: TestContext): Promise<Setting> {
  const store = await openTestStore(t);
  const registry = fakeRegistry();
  return {
    store,
    registry,
    resolve: (reference, changes = {}, namedContexts = new Map()) =>
      createResolver({ store, registry: () => Promise.resolve(registry), namedContexts, decompress }).resolve({ reference, platform: amd64, pull: false, ...changes }, calm),
    publish: (name, made) => {
      registry.tags.set(name, made.root);
      for (const [digest, bytes] of made.blobs) registry.blobs.set(digest, bytes);
    },
  };
}

const busybox = 'docker.io/library/busybox:latest';

test('an image is pulled once; then its tag, manifest and config come from the store', async (t) => {
  const { store, registry, resolve, publish } = await setUp(t);
  const made = makeImage(tars);
  publish(busybox, made);
  const image = await resolve('busybox');
  assert.equal(image.name, busybox);
  assert.deepEqual(image.diffIDs, made.diffIDs);
  assert.equal(image.descriptor.digest, made.root.digest);
  assert.deepEqual((await store.tags.get(busybox))?.descriptor, made.root);
  registry.asked.length = 0;
  assert.deepEqual((await resolve('busybox:latest')).manifest, image.manifest);
  assert.deepEqual((await resolve(`busybox@${made.root.digest}`)).configBytes, image.configBytes);
  assert.deepEqual(registry.asked, []);
});

test('--pull asks what the tag is now, and takes nothing twice', async (t) => {
  const { store, registry, resolve, publish } = await setUp(t);
  publish(busybox, makeImage(tars));
  await resolve('busybox');
  registry.asked.length = 0;
  await resolve('busybox', { pull: true });
  assert.deepEqual(registry.asked, [`head ${busybox}`]);
  const newer = makeImage([Buffer.alloc(1024, 'new')]);
  publish(busybox, newer);
  assert.deepEqual((await resolve('busybox', { pull: true })).diffIDs, newer.diffIDs);
  assert.equal((await store.tags.get(busybox))?.descriptor.digest, newer.root.digest);
});

test('an index gives each platform its image, and says which it has when there is none', async (t) => {
  const { store, resolve, publish } = await setUp(t);
  const images = [amd64, arm64].map((platform, at) => ({ ...makeImage([Buffer.alloc(1024, `${at}`)], undefined, platform), platform }));
  const made = makeIndex(images);
  publish('localhost:5000/multi:1', made);
  for (const { platform, root } of images) {
    const image = await resolve('localhost:5000/multi:1', { platform });
    assert.equal(image.descriptor.digest, root.digest);
    assert.equal(image.config.architecture, platform.architecture);
  }
  assert.equal((await store.tags.get('localhost:5000/multi:1'))?.descriptor.mediaType, mediaTypes.ociIndex);
  await assert.rejects(resolve('localhost:5000/multi:1', { platform: { os: 'linux', architecture: 's390x' } }), {
    code: 'PLATFORM_MISSING', errorClass: 'registry', message: 'resolve localhost:5000/multi:1: it has no image for linux/s390x', hint: 'It has linux/amd64, linux/arm64. Choose one with --platform.',
  });
});

test('a manifest that stands alone is taken whatever its platform', async (t) => {
  const { resolve, publish } = await setUp(t);
  publish(busybox, makeImage(tars));
  assert.equal((await resolve('busybox', { platform: arm64 })).config.architecture, 'amd64');
});

test('what is found nowhere leaves no tag', async (t) => {
  const { store, registry, resolve, publish } = await setUp(t);
  await assert.rejects(resolve('busybox'), { code: 'IMAGE_NOT_FOUND', exitCode: 4 });
  const made = makeImage(tars);
  publish(busybox, made);
  registry.blobs.delete(decodeManifest(registry.blobs.get(made.root.digest) ?? assert.fail(), { name: 'made' }).config.digest);
  await assert.rejects(resolve('busybox'), { code: 'BLOB_NOT_FOUND' });
  assert.deepEqual(await store.tags.list(), []);
});

test('fetchLayers stores the tar, the blob as it came and which belongs to which', async (t) => {
  const { store, registry, resolve, publish } = await setUp(t);
  const made = makeImage(tars);
  publish(busybox, made);
  const image = await resolve('busybox');
  const io = quietIo();
  await image.fetchLayers(image.diffIDs, io);
  assert.equal(io.done.length, 2);
  assert.deepEqual(await problemsIn(store, image.descriptor), []);
  for (const [at, diffID] of made.diffIDs.entries()) {
    assert.deepEqual(await store.blobs.read(blobOfDiffID(diffID)), tars[at]);
    assert.deepEqual(await findCompressed(store, diffID, [mediaTypes.ociLayerGzip]), made.layers[at]);
    assert.equal(await findCompressed(store, diffID, [mediaTypes.ociLayerZstd]), null);
  }
  registry.asked.length = 0;
  await image.fetchLayers(image.diffIDs, quietIo());
  await image.fetchOriginals(image.diffIDs, quietIo());
  assert.deepEqual(registry.asked, []);
});

test('only the layers that are wanted are fetched, each of them once', async (t) => {
  const { store, registry, resolve, publish } = await setUp(t);
  const made = makeImage(tars);
  publish(busybox, made);
  const image = await resolve('busybox');
  registry.asked.length = 0;
  const wanted = made.diffIDs.slice(1);
  await Promise.all([image.fetchLayers(wanted, quietIo()), image.fetchLayers(wanted, quietIo())]);
  assert.deepEqual(registry.asked, [`blob ${made.layers[1]?.digest}`]);
  assert.equal(store.blobs.stat(blobOfDiffID(made.diffIDs[0] ?? assert.fail())), null);
});

test('a tar that is gone is made from the blob, and a damaged blob is fetched again', async (t) => {
  const { store, registry, resolve, publish } = await setUp(t);
  const made = makeImage(tars);
  publish(busybox, made);
  const image = await resolve('busybox');
  await image.fetchLayers(made.diffIDs, quietIo());
  for (const diffID of made.diffIDs) await store.blobs.quarantine(blobOfDiffID(diffID));
  const damaged = made.layers[0] ?? assert.fail();
  await store.blobs.quarantine(damaged.digest);
  writeFileSync(join(store.paths.oci, 'blobs/sha256', hexOf(damaged.digest)), Buffer.alloc(damaged.size, 'x'));
  registry.asked.length = 0;
  await image.fetchLayers(made.diffIDs, quietIo());
  assert.deepEqual(registry.asked, [`blob ${damaged.digest}`]);
  assert.deepEqual(await problemsIn(store, image.descriptor), []);
});

test('an original that another image\'s form of the layer stands in for is fetched on request', async (t) => {
  const { store, registry, resolve, publish } = await setUp(t);
  const made = makeImage(tars);
  publish(busybox, made);
  for (const tar of tars) await store.blobs.put(tar);
  const image = await resolve('busybox');
  registry.asked.length = 0;
  await image.fetchLayers(made.diffIDs, quietIo());
  assert.deepEqual(registry.asked, []);
  await image.fetchOriginals(made.diffIDs, quietIo());
  assert.deepEqual(registry.asked.sort(), made.layers.map(({ digest }) => `blob ${digest}`).sort());
  assert.deepEqual(await problemsIn(store, image.descriptor), []);
});

for (const [what, compress, code] of [
  ['is no gzip behind its first bytes', () => Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]), 'LAYER_CORRUPT'],
  ['is not the tar of the config', () => Buffer.alloc(2048, 'other'), 'DIFFID_MISMATCH'],
] as const) {
  test(`a layer that ${what} is refused, and nothing of it is kept`, async (t) => {
    const { store, resolve, publish } = await setUp(t);
    const made = makeImage(tars.slice(0, 1), { mediaType: mediaTypes.ociLayerGzip, compress });
    publish(busybox, made);
    const image = await resolve('busybox');
    await assert.rejects(image.fetchLayers(made.diffIDs, quietIo()), { code, errorClass: 'registry' });
    assert.deepEqual([...made.layers.map(({ digest }) => digest), ...made.diffIDs.map(blobOfDiffID)].map((digest) => store.blobs.stat(digest)), [null, null]);
  });
}

test('the first failure stops the other layers and is what is thrown', async (t) => {
  const { registry, resolve, publish } = await setUp(t);
  const made = makeImage([...tars, Buffer.alloc(1_000_000).map((_, at) => (at * at) % 256) as Buffer]);
  publish(busybox, made);
  const image = await resolve('busybox');
  registry.blobs.delete(made.layers[0]?.digest ?? '');
  await assert.rejects(image.fetchLayers(made.diffIDs, quietIo()), { code: 'BLOB_NOT_FOUND' });
});

test('an abort ends fetchLayers with what the caller gave as the reason', async (t) => {
  const { resolve, publish } = await setUp(t);
  const made = makeImage([Buffer.alloc(1_000_000).map((_, at) => (at * at) % 256) as Buffer]);
  publish(busybox, made);
  const image = await resolve('busybox');
  const controller = new AbortController();
  const fetching = image.fetchLayers(made.diffIDs, { signal: controller.signal, onProgress: () => controller.abort(new Error('enough')) });
  await assert.rejects(fetching, /enough/);
});

test('a named context comes before store and registry, by short or full name', async (t) => {
  const { registry, resolve, publish } = await setUp(t);
  const other = makeImage([Buffer.alloc(1024, 'other')]);
  publish(busybox, makeImage(tars));
  publish('quay.io/my/box:2', other);
  for (const name of ['busybox', 'busybox:latest', busybox, 'docker.io/library/busybox']) {
    const image = await resolve('busybox', {}, new Map([[name, { kind: 'image', reference: 'quay.io/my/box:2' }]]));
    assert.equal(image.name, 'quay.io/my/box:2');
  }
  const dir = temporaryFolder(t);
  const made = makeImage([Buffer.alloc(1024, 'layout')]);
  writeLayout(dir, [{ made }]);
  registry.asked.length = 0;
  const image = await resolve('busybox', {}, new Map([['busybox', { kind: 'oci-layout', path: dir }]]));
  await image.fetchLayers(image.diffIDs, quietIo());
  assert.deepEqual(image.diffIDs, made.diffIDs);
  assert.deepEqual(registry.asked, []);
  await assert.rejects(resolve('busybox', {}, new Map([['busybox', { kind: 'directory', path: '/x' }]])), { code: 'NAMED_CONTEXT_NOT_IMAGE', errorClass: 'usage' });
});

test('a bad reference is the user\'s mistake', async (t) => {
  const { resolve } = await setUp(t);
  await assert.rejects(resolve('Bad Name'), { code: 'REFERENCE_INVALID', exitCode: 2 });
  assert.ok(parseReference('busybox'));
});
