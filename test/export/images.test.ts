import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { digestOf, hexOf, type BlobDigest } from '../../src/base/digest.ts';
import { historyOf, inspectImage, listImages } from '../../src/export/describe-images.ts';
import { removeImages, tagImage } from '../../src/export/name-images.ts';
import { saveImages } from '../../src/export/save-images.ts';
import { storeImage, type KeptImage } from '../../src/export/store-image.ts';
import { findImage } from '../../src/export/stored-image.ts';
import type { Store } from '../../src/store/store.ts';
import { openTestStore } from '../store/open-test-store.ts';
import { temporaryFolder } from '../store/temporary-folder.ts';
import { collect, named, smallImage } from './small-image.ts';

const host = { os: 'linux', architecture: 'amd64' };
const platform = { wanted: null, host };
const small = 'docker.io/library/small:1';

async function storeWith(t: TestContext, names: readonly string[]): Promise<{ store: Store; kept: KeptImage & { readonly configDigest: BlobDigest } }> {
  const store = await openTestStore(t);
  const { root, configDigest } = await storeImage(store, [await smallImage(store)], named(...names));
  assert.ok(configDigest !== null, 'a single image has a config');
  return { store, kept: { root, configDigest } };
}

test('storeImage keeps config, manifest and names; the same image again is the same', async (t) => {
  const { store, kept } = await storeWith(t, [small]);
  const image = await smallImage(store);
  assert.equal(kept.configDigest, digestOf(image.configBytes));
  assert.deepEqual(await storeImage(store, [image], named(small)), kept);
  assert.deepEqual(await store.tags.list(), [{ name: small, descriptor: kept.root }]);
  const manifest = JSON.parse((await store.blobs.read(kept.root.digest)).toString()) as { layers: { digest: string }[] };
  assert.deepEqual(manifest.layers.map(({ digest }) => digest), image.layers);
});

test('listImages has a row for each name', async (t) => {
  const { store, kept } = await storeWith(t, [small, 'docker.io/library/app:2']);
  const rows = await listImages(store);
  assert.deepEqual(rows.map(({ name }) => name), ['docker.io/library/app:2', small]);
  assert.deepEqual(rows[1], {
    name: small,
    imageID: kept.configDigest,
    manifestDigest: kept.root.digest,
    created: '1980-01-02T00:00:00Z',
    sizeBytes: 4608,
    platforms: ['linux/amd64'],
  });
});

test('listImages leaves an image out whose manifest is gone, and says so', async (t) => {
  const { store, kept } = await storeWith(t, [small]);
  rmSync(join(store.paths.oci, 'blobs', 'sha256', hexOf(kept.root.digest)));
  const skipped: string[] = [];
  assert.deepEqual(await listImages(store, ({ name }, { code }) => skipped.push(`${name} ${code}`)), []);
  assert.deepEqual(skipped, [`${small} BLOB_MISSING`]);
});

test('an image is found by its names, by its ID, by its manifest, and by the beginning of each', async (t) => {
  const { store, kept } = await storeWith(t, [small]);
  const texts = [kept.configDigest, kept.root.digest].flatMap((digest) => [digest, hexOf(digest), hexOf(digest).slice(0, 12), digest.slice(0, 20)]);
  for (const text of ['small:1', 'docker.io/library/small:1', ...texts]) {
    assert.deepEqual(await findImage(store, text), { root: kept.root, names: [small] }, text);
  }
});

test('an image without a name is found by its ID', async (t) => {
  const { store, kept } = await storeWith(t, []);
  assert.deepEqual(await findImage(store, kept.configDigest), { root: kept.root, names: [] });
  assert.deepEqual(await findImage(store, hexOf(kept.configDigest).slice(0, 8)), { root: kept.root, names: [] });
});

for (const text of ['none', 'small', 'small:2', 'ffffffff', 'UPPER', '', '../../etc/passwd']) {
  test(`findImage says that ${JSON.stringify(text)} is not in the store`, async (t) => {
    const { store } = await storeWith(t, [small]);
    await assert.rejects(findImage(store, text), { code: 'IMAGE_NOT_FOUND', errorClass: 'usage' });
  });
}

test('inspectImage has the form of docker image inspect', async (t) => {
  const { store, kept } = await storeWith(t, [small]);
  const image = await smallImage(store);
  assert.deepEqual(JSON.parse(JSON.stringify(await inspectImage(store, 'small:1', platform))), [{
    Id: kept.configDigest,
    RepoTags: ['small:1'],
    RepoDigests: [`small@${kept.root.digest}`],
    Comment: 'tsbuild',
    Created: '1980-01-02T00:00:00Z',
    Author: '',
    Architecture: 'amd64',
    Os: 'linux',
    Size: 4608,
    RootFS: { Type: 'layers', Layers: image.layers },
    Config: { Env: ['PATH=/bin'], Cmd: ['/bin/run'], Labels: { a: 'b' } },
    Descriptor: kept.root,
  }]);
});

test('historyOf is newest first, with the layers’ sizes', async (t) => {
  const { store } = await storeWith(t, [small]);
  const rows = await historyOf(store, 'small:1', platform);
  assert.deepEqual(rows.map(({ createdBy, sizeBytes }) => [createdBy, sizeBytes]), [
    ['COPY bin /bin # buildkit', 2048],
    ['ENV PATH=/bin', 0],
    ['COPY etc /etc # buildkit', 2560],
  ]);
});

test('historyOf shows layers of a base without history below the rest', async (t) => {
  const store = await openTestStore(t);
  await storeImage(store, [await smallImage(store, { history: [{ created_by: 'COPY bin' }] })], named(small));
  const rows = await historyOf(store, 'small:1', platform);
  assert.deepEqual(rows.map(({ createdBy, sizeBytes }) => [createdBy, sizeBytes]), [['COPY bin', 2048], ['', 2560]]);
});

test('tagImage gives more names, removeImages takes them', async (t) => {
  const { store, kept } = await storeWith(t, [small]);
  assert.deepEqual(await tagImage(store, 'small:1', ['other', 'ghcr.io/x/y:z']), ['docker.io/library/other:latest', 'ghcr.io/x/y:z']);
  assert.deepEqual(await removeImages(store, ['other']), ['docker.io/library/other:latest']);
  assert.deepEqual((await findImage(store, kept.configDigest)).names, [small, 'ghcr.io/x/y:z']);
  assert.deepEqual(await removeImages(store, [hexOf(kept.configDigest)]), [small, 'ghcr.io/x/y:z']);
  assert.deepEqual(await store.tags.list(), []);
});

test('removeImages removes all or none', async (t) => {
  const { store } = await storeWith(t, [small]);
  await assert.rejects(removeImages(store, ['small:1', 'none']), { code: 'IMAGE_NOT_FOUND' });
  assert.equal((await store.tags.list()).length, 1);
});

test('tagImage refuses a digest as a new name', async (t) => {
  const { store } = await storeWith(t, [small]);
  await assert.rejects(tagImage(store, 'small:1', [`x@${digestOf('x')}`]), { code: 'REFERENCE_INVALID' });
});

test('a saved archive holds the images with the names that were asked for', async (t) => {
  const { store, kept } = await storeWith(t, [small, 'docker.io/library/other:2']);
  const file = join(temporaryFolder(t), 'saved.tar');
  for (const format of ['oci', 'docker'] as const) {
    writeFileSync(file, await collect(await saveImages(store, ['small:1', 'other:2', 'small:1'], { format, platform })));
    const index = JSON.parse(execFileSync('tar', ['-xOf', file, 'index.json'], { encoding: 'utf8' })) as { manifests: { digest: string; annotations: Record<string, string> }[] };
    assert.deepEqual(index.manifests.map(({ digest, annotations }) => [digest, annotations['io.containerd.image.name']]), [
      [kept.root.digest, 'docker.io/library/other:2'],
      [kept.root.digest, small],
    ]);
  }
  const manifest = JSON.parse(execFileSync('tar', ['-xOf', file, 'manifest.json'], { encoding: 'utf8' })) as { RepoTags: string[] }[];
  assert.deepEqual(manifest.map(({ RepoTags }) => RepoTags), [['other:2', 'small:1']]);
});

test('a saved image keeps its digest, an index with all its platforms as well', async (t) => {
  const store = await openTestStore(t);
  const images = [await smallImage(store), await smallImage(store, { architecture: 'arm64' })];
  const { root } = await storeImage(store, images, { ...named(small), isIndex: true });
  const file = join(temporaryFolder(t), 'saved.tar');
  writeFileSync(file, await collect(await saveImages(store, [small], { format: 'oci', platform })));
  const { manifests } = JSON.parse(execFileSync('tar', ['-xOf', file, 'index.json'], { encoding: 'utf8' })) as { manifests: { digest: string }[] };
  assert.deepEqual(manifests.map(({ digest }) => digest), [root.digest]);
  execFileSync('skopeo', ['--insecure-policy', 'copy', '--all', `oci-archive:${file}`, `dir:${file}-copy`], { stdio: 'pipe' });
});

test('an image whose compressed layers are gone is saved with plain ones', async (t) => {
  const store = await openTestStore(t);
  const image = await smallImage(store);
  const gone = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: digestOf('gone'), size: 4 };
  const config = await store.blobs.put(image.configBytes);
  const manifest = { schemaVersion: 2, config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: config.digest, size: config.sizeBytes }, layers: [gone, gone] };
  const { digest, sizeBytes: size } = await store.blobs.put(JSON.stringify(manifest));
  await store.tags.update({ set: [{ name: small, descriptor: { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size } }] });
  const file = join(temporaryFolder(t), 'saved.tar');
  writeFileSync(file, await collect(await saveImages(store, [small], { format: 'oci', platform })));
  execFileSync('skopeo', ['--insecure-policy', 'copy', `oci-archive:${file}`, `dir:${file}-copy`], { stdio: 'pipe' });
});

test('an image of several platforms is known by its index; each of its platforms can be asked for', async (t) => {
  const store = await openTestStore(t);
  const images = [await smallImage(store, { architecture: 'arm64' }), await smallImage(store)];
  const { root, configDigest } = await storeImage(store, images, { ...named(small), isIndex: true });
  assert.equal(configDigest, null);
  const [row] = await listImages(store);
  assert.deepEqual([row?.imageID, row?.platforms], [root.digest, ['linux/arm64', 'linux/amd64']]);
  assert.deepEqual((await findImage(store, hexOf(root.digest).slice(0, 12))).names, [small]);
  const architectures = async (wanted: string | null): Promise<readonly unknown[]> => {
    const choice = { host, wanted: wanted === null ? null : { os: 'linux', architecture: wanted } };
    return (await inspectImage(store, 'small:1', choice)).map((image) => (image as { Architecture: string }).Architecture);
  };
  assert.deepEqual(await architectures(null), ['arm64', 'amd64']);
  assert.deepEqual(await architectures('arm64'), ['arm64']);
  await assert.rejects(architectures('s390x'), { code: 'PLATFORM_MISSING', hint: 'It has linux/arm64, linux/amd64.', errorClass: 'usage' });
  assert.equal((await historyOf(store, 'small:1', { host, wanted: { os: 'linux', architecture: 'arm64' } })).length, 3);
  const file = join(temporaryFolder(t), 'saved.tar');
  writeFileSync(file, await collect(await saveImages(store, [small], { format: 'oci', platform: { host, wanted: { os: 'linux', architecture: 'arm64' } } })));
  const { manifests } = JSON.parse(execFileSync('tar', ['-xOf', file, 'index.json'], { encoding: 'utf8' })) as { manifests: { digest: string }[] };
  const index = JSON.parse((await store.blobs.read(root.digest)).toString()) as { manifests: { digest: string }[] };
  assert.deepEqual(manifests.map(({ digest }) => digest), [index.manifests[0]?.digest]);
});

test('an index without a name is found by its digest, and a single image knows its platform', async (t) => {
  const store = await openTestStore(t);
  const { root } = await storeImage(store, [await smallImage(store)], { names: [], isIndex: true, annotations: [] });
  assert.deepEqual(await findImage(store, root.digest), { root, names: [] });
  await storeImage(store, [await smallImage(store)], named(small));
  await assert.rejects(inspectImage(store, 'small:1', { host, wanted: { os: 'linux', architecture: 'arm64' } }), { code: 'PLATFORM_MISSING' });
  assert.equal((await inspectImage(store, 'small:1', { host, wanted: host })).length, 1);
});
