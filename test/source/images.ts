/** Images for the tests of `source/`, in memory and as layouts on disk. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { digestOf, hexOf, type BlobDigest, type DiffID } from '../../src/base/digest.ts';
import { assembleImage, assembleIndex } from '../../src/image/assemble.ts';
import { mediaTypes, type Descriptor, type Platform } from '../../src/image/config.ts';
import { validateImage } from '../../src/image/validate.ts';
import type { FetchIo } from '../../src/source/origin.ts';
import { decompress } from '../../src/source/decompress.ts';
import type { Store } from '../../src/store/store.ts';

/** How a layer is sent. */
export interface LayerForm {
  readonly mediaType: string;
  readonly compress: (tar: Buffer) => Buffer;
}

export const gzipForm: LayerForm = { mediaType: mediaTypes.ociLayerGzip, compress: (tar) => gzipSync(tar) };
export const plainForm: LayerForm = { mediaType: mediaTypes.ociLayer, compress: (tar) => tar };

/** All documents and blobs of an image or index, and its top. */
export interface Made {
  readonly root: Descriptor;
  readonly blobs: ReadonlyMap<string, Buffer>;
  readonly diffIDs: readonly DiffID[];
  readonly layers: readonly Descriptor[];
}

/** An image with one layer for each tar. */
export function makeImage(tars: readonly Buffer[], form: LayerForm = gzipForm, platform: Platform = { os: 'linux', architecture: 'amd64' }): Made {
  const blobs = new Map<string, Buffer>();
  const layers = tars.map((tar) => {
    const bytes = form.compress(tar);
    const digest = digestOf<BlobDigest>(bytes);
    blobs.set(digest, bytes);
    return { mediaType: form.mediaType, digest, size: bytes.length };
  });
  const diffIDs = tars.map((tar) => digestOf<DiffID>(tar));
  const { config, manifest } = assembleImage({ config: { ...platform, rootfs: { type: 'layers', diff_ids: diffIDs } }, layers });
  for (const { descriptor, bytes } of [config, manifest]) blobs.set(descriptor.digest, bytes);
  return { root: manifest.descriptor, blobs, diffIDs, layers };
}

/** An index over images, each under the platform it was made for. */
export function makeIndex(images: readonly (Made & { readonly platform: Platform })[]): Made {
  const { descriptor, bytes } = assembleIndex({ manifests: images.map(({ root, platform }) => ({ ...root, platform })) });
  return { root: descriptor, blobs: new Map([...images.flatMap(({ blobs }) => [...blobs]), [descriptor.digest, bytes]]), diffIDs: [], layers: [] };
}

/** Writes an OCI layout. */
export function writeLayout(dir: string, images: readonly { readonly made: Made; readonly refName?: string }[]): void {
  mkdirSync(join(dir, 'blobs/sha256'), { recursive: true });
  const manifests = images.map(({ made, refName }) => ({ ...made.root, ...(refName === undefined ? {} : { annotations: { 'org.opencontainers.image.ref.name': refName } }) }));
  writeFileSync(join(dir, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(dir, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  for (const { made } of images) {
    for (const [digest, bytes] of made.blobs) writeFileSync(join(dir, 'blobs/sha256', hexOf(digest as BlobDigest)), bytes);
  }
}

/** Progress that is only remembered. */
export function quietIo(signal: AbortSignal = new AbortController().signal): FetchIo & { readonly done: string[] } {
  const done: string[] = [];
  return { signal, done, onProgress: (item, _current, _total, finished) => void (finished === true && done.push(item)) };
}

/** Everything that is wrong with an image of the store. */
export function problemsIn(store: Store, root: Descriptor): Promise<readonly string[]> {
  return validateImage(root, {
    read: ({ digest }) => store.blobs.read(digest),
    decompress: (blob) => Promise.resolve(blob[0] === 0x1f ? gunzipSync(blob) : blob),
  });
}

export { decompress };
