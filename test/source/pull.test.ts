/** The whole way: pushed to docker-registry by us and by skopeo, resolved and fetched into a store. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import type { BlobDigest } from '../../src/base/digest.ts';
import { createResolver } from '../../src/source/resolver.ts';
import { calm, openClient, refTo } from '../registry/client.ts';
import { startRegistry } from '../registry/servers.ts';
import { openTestStore } from '../store/open-test-store.ts';
import { temporaryFolder } from '../store/temporary-folder.ts';
import { decompress, makeImage, makeIndex, problemsIn, quietIo, writeLayout } from './images.ts';

const platforms = ['amd64', 'arm64'].map((architecture) => ({ os: 'linux', architecture }));

test('each platform of a pushed index is pulled whole', async (t) => {
  const port = await startRegistry(t);
  const client = openClient(t);
  const images = platforms.map((platform, at) => ({ ...makeImage([Buffer.alloc(102_400, 'shared'), Buffer.alloc(2048, `${at}`)], undefined, platform), platform }));
  const index = makeIndex(images);
  const reference = refTo(port, 'team/multi:1');
  const bytesOf = (digest: string): Buffer => index.blobs.get(digest) ?? assert.fail();
  const manifests = new Set([index.root, ...images.map(({ root }) => root)].map(({ digest }) => digest));
  for (const [digest, bytes] of index.blobs) {
    if (manifests.has(digest as BlobDigest)) continue;
    const open = async function* () { yield await Promise.resolve(bytes); };
    await client.pushBlob(reference, { descriptor: { mediaType: '', digest: digest as BlobDigest, size: bytes.length }, open }, { signal: calm });
  }
  for (const { root } of images) await client.pushManifest({ registry: reference.registry, repository: reference.repository, digest: root.digest }, { descriptor: root, bytes: bytesOf(root.digest) }, calm);
  await client.pushManifest(reference, { descriptor: index.root, bytes: bytesOf(index.root.digest) }, calm);

  const store = await openTestStore(t);
  const resolver = createResolver({ store, registry: () => Promise.resolve(client), namedContexts: new Map(), decompress });
  await Promise.all(images.map(async ({ platform, root }) => {
    const image = await resolver.resolve({ reference: `127.0.0.1:${port}/team/multi:1`, platform, pull: false }, calm);
    assert.equal(image.descriptor.digest, root.digest);
    await image.fetchLayers(image.diffIDs, quietIo());
  }));
  assert.deepEqual(await problemsIn(store, index.root), []);
});

test('what skopeo pushed in Docker\'s format is pulled whole', async (t) => {
  const port = await startRegistry(t);
  const dir = join(temporaryFolder(t), 'layout');
  writeLayout(dir, [{ made: makeImage([Buffer.alloc(5120, 'docker')]), refName: 'a' }]);
  execFileSync('skopeo', ['--insecure-policy', 'copy', '--dest-tls-verify=false', '--format=v2s2', `oci:${dir}:a`, `docker://127.0.0.1:${port}/a:1`], { stdio: 'pipe' });
  const store = await openTestStore(t);
  const client = openClient(t);
  const resolver = createResolver({ store, registry: () => Promise.resolve(client), namedContexts: new Map(), decompress });
  const image = await resolver.resolve({ reference: `127.0.0.1:${port}/a:1`, platform: { os: 'linux', architecture: 'amd64' }, pull: true }, calm);
  assert.equal(image.manifest.mediaType, 'application/vnd.docker.distribution.manifest.v2+json');
  await image.fetchLayers(image.diffIDs, quietIo());
  assert.deepEqual(await problemsIn(store, image.descriptor), []);
});
