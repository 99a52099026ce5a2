import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { digestOf, type BlobDigest, type DiffID } from '../../src/base/digest.ts';
import { assembleImage, assembleIndex } from '../../src/image/assemble.ts';
import { mediaTypes, type Descriptor, type ImageConfig } from '../../src/image/config.ts';
import { decodeIndex, decodeManifest } from '../../src/image/decode.ts';
import { validateImage } from '../../src/image/validate.ts';

const tar = Buffer.alloc(1024);
const blob = gzipSync(tar);
const layer: Descriptor = { mediaType: mediaTypes.ociLayerGzip, digest: digestOf<BlobDigest>(blob), size: blob.length };
const config: ImageConfig = {
  os: 'linux', architecture: 'amd64', config: { Env: ['B=1', 'A=2'], Labels: { z: '1', a: '2' } },
  rootfs: { type: 'layers', diff_ids: [digestOf<DiffID>(tar)] }, history: [{ created_by: 'COPY' }, { empty_layer: true }],
};

test('equal parts have equal bytes, whatever the order of their fields', () => {
  const one = assembleImage({ config, layers: [layer], annotations: { b: '1', a: '2' } });
  const turned: ImageConfig = { history: config.history ?? [], rootfs: config.rootfs, config: { Labels: { a: '2', z: '1' }, Env: ['B=1', 'A=2'] }, architecture: 'amd64', os: 'linux' };
  const two = assembleImage({ config: turned, layers: [{ size: layer.size, digest: layer.digest, mediaType: layer.mediaType }], annotations: { a: '2', b: '1' } });
  assert.equal(one.manifest.bytes.toString(), two.manifest.bytes.toString());
  assert.equal(one.manifest.bytes.toString(), `{"annotations":{"a":"2","b":"1"},"config":{"digest":"${one.config.descriptor.digest}","mediaType":"application/vnd.oci.image.config.v1+json","size":${one.config.bytes.length}},"layers":[{"digest":"${layer.digest}","mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","size":${layer.size}}],"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}`);
  assert.deepEqual(decodeManifest(one.manifest.bytes, { name: 'own' }).layers, [layer]);
});

test('an index keeps the order of its manifests', () => {
  const entry = (architecture: string): Descriptor => ({ mediaType: mediaTypes.ociManifest, digest: digestOf(architecture), size: 1, platform: { os: 'linux', architecture } });
  const { bytes } = assembleIndex({ manifests: [entry('b'), entry('a')] });
  assert.deepEqual(decodeIndex(bytes, { name: 'own' }).manifests, [entry('b'), entry('a')]);
});

test('layers without diffIDs are a bug', () => {
  assert.throws(() => assembleImage({ config, layers: [] }), { errorClass: 'bug' });
});

/** Validates an image whose blobs may have been tampered with. */
async function problems(tamper: (blobs: Map<string, Buffer>) => void, root?: Descriptor, own: ImageConfig = config): Promise<readonly string[]> {
  const image = assembleImage({ config: own, layers: [layer] });
  const blobs = new Map([[image.config.descriptor.digest, image.config.bytes], [image.manifest.descriptor.digest, image.manifest.bytes], [layer.digest, blob]]);
  tamper(blobs);
  const read = (descriptor: Descriptor): Promise<Buffer> => {
    const bytes = blobs.get(descriptor.digest);
    return bytes === undefined ? Promise.reject(new Error('missing')) : Promise.resolve(bytes);
  };
  return validateImage(root ?? image.manifest.descriptor, { read, decompress: (bytes) => Promise.resolve(gunzipSync(bytes)) });
}

test('validateImage finds nothing wrong with a right image', async () => assert.deepEqual(await problems(() => undefined), []));

test('validateImage finds a missing blob', async () => {
  assert.match((await problems((blobs) => blobs.delete(layer.digest))).join(), /missing/);
});

test('validateImage finds other bytes, other sizes and another tar', async () => {
  const found = await problems((blobs) => blobs.set(layer.digest, gzipSync(Buffer.alloc(513))));
  assert.equal(found.length, 4);
});

test('validateImage finds a history that does not fit the layers', async () => {
  assert.match((await problems(() => undefined, undefined, { ...config, history: [{ empty_layer: true }] })).join(), /history/);
});

test('validateImage finds the platform of a descriptor that is not the config\'s', async () => {
  const image = assembleImage({ config, layers: [layer] });
  assert.match((await problems(() => undefined, { ...image.manifest.descriptor, platform: { os: 'linux', architecture: 's390x' } })).join(), /platform/);
});
