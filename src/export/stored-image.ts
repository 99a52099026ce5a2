/**
 * Finds images in the store by name or ID and reads their documents. It makes and changes nothing.
 * Start at `findImage`.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { digestFromHex, isDigest, type BlobDigest } from '../base/digest.ts';
import { TsbuildError } from '../base/errors.ts';
import { assembleManifest } from '../image/assemble.ts';
import { mediaTypes, type Descriptor, type ImageConfig, type Manifest, type Platform } from '../image/config.ts';
import { decodeManifestOrIndex } from '../image/decode.ts';
import { decodeImageConfig } from '../image/decode-config.ts';
import { configSizeBytesMax, manifestSizeBytesMax } from '../image/limits.ts';
import { choosePlatform } from '../image/platform.ts';
import { formatReference, isReference, parseReference, withDefaultTag } from '../image/reference.ts';
import type { Store } from '../store/store.ts';
import { plainLayer } from './layers.ts';

/** What a name or an ID stands for. */
export interface FoundImage {
  /** Manifest or index. */
  readonly root: Descriptor;
  /** All names of it, by their bytes. */
  readonly names: readonly string[];
}

/** A single image with its documents read. */
export interface StoredImage extends FoundImage {
  readonly manifest: Manifest;
  readonly manifestDescriptor: Descriptor;
  readonly config: ImageConfig;
  readonly configBytes: Uint8Array;
}

/** `sha256:…` or hex, whole or the beginning of it. */
const idPattern = /^(?:sha256:)?([0-9a-f]{4,64})$/;

/**
 * Finds an image by name, by ID (config digest) or by manifest digest; either may be shortened to 4 or more digits.
 * A name wins over a shortened ID, as with Docker.
 * @throws TsbuildError `IMAGE_NOT_FOUND`, `IMAGE_AMBIGUOUS`, class usage
 */
export async function findImage(store: Store, text: string): Promise<FoundImage> {
  const tags = await store.tags.list();
  const withRoot = (root: Descriptor): FoundImage => ({
    root,
    names: tags.filter(({ descriptor }) => descriptor.digest === root.digest).map(({ name }) => name),
  });
  if (isReference(text)) {
    const name = formatReference(withDefaultTag(parseReference(text)));
    const tag = tags.find((one) => one.name === name);
    if (tag !== undefined) return withRoot(tag.descriptor);
  }
  const hex = idPattern.exec(text)?.[1];
  const roots = hex === undefined ? [] : await findByHex(store, tags.map(({ descriptor }) => descriptor), hex);
  const [root, another] = roots;
  if (another !== undefined) throw new TsbuildError('usage', 'IMAGE_AMBIGUOUS', `find image ${text}: several begin like this`, { hint: 'Give more digits.' });
  if (root === undefined) throw notFound(text);
  return withRoot(root);
}

/** The error for a name that stands for nothing. */
export function notFound(text: string): TsbuildError {
  return new TsbuildError('usage', 'IMAGE_NOT_FOUND', `find image ${text}: it is not in the store`, {
    hint: 'See `tsbuild images` for what is there, or fetch it with `tsbuild pull`.',
  });
}

/** Reads the image for a platform, or the first of an index that has none for it. */
export async function readImage(store: Store, found: FoundImage, platform: Platform): Promise<StoredImage> {
  const manifestDescriptor = await chooseManifest(store, found.root, platform);
  const manifest = await readManifest(store, manifestDescriptor);
  const configBytes = await store.blobs.read(manifest.config.digest, configSizeBytesMax);
  return { ...found, manifest, manifestDescriptor, configBytes, config: decodeImageConfig(configBytes, `config ${manifest.config.digest}`) };
}

/** The manifests below a manifest or index that are in the store, in their order. */
export async function manifestsOf(store: Store, root: Descriptor): Promise<readonly Descriptor[]> {
  const bytes = await store.blobs.read(root.digest, manifestSizeBytesMax);
  const decoded = decodeManifestOrIndex(bytes, { name: `manifest ${root.digest}`, mediaType: root.mediaType });
  if (decoded.kind === 'manifest') return [root];
  return decoded.index.manifests.filter(({ digest }) => store.blobs.stat(digest) !== null);
}

/** Reads one manifest. */
export async function readManifest(store: Store, descriptor: Descriptor): Promise<Manifest> {
  const bytes = await store.blobs.read(descriptor.digest, manifestSizeBytesMax);
  const decoded = decodeManifestOrIndex(bytes, { name: `manifest ${descriptor.digest}`, mediaType: descriptor.mediaType });
  if (decoded.kind === 'manifest') return decoded.manifest;
  throw new TsbuildError('registry', 'DOCUMENT_INVALID', `read manifest ${descriptor.digest}: it is an index within an index`);
}

async function chooseManifest(store: Store, root: Descriptor, platform: Platform): Promise<Descriptor> {
  const manifests = await manifestsOf(store, root);
  const chosen = choosePlatform(manifests, platform) ?? manifests[0];
  if (chosen !== undefined) return chosen;
  throw new TsbuildError('usage', 'IMAGE_NOT_FOUND', `read image ${root.digest}: none of its platforms is in the store`, {
    hint: 'Fetch it with `tsbuild pull --platform`.',
  });
}

/** Tagged images whose manifest or config begins so, else untagged ones: a config that stands in the store alone. */
async function findByHex(store: Store, roots: readonly Descriptor[], hex: string): Promise<readonly Descriptor[]> {
  const found = new Map<BlobDigest, Descriptor>();
  const begins = (digest: BlobDigest): boolean => digest.startsWith(`sha256:${hex}`);
  for (const root of new Map(roots.map((one) => [one.digest, one])).values()) {
    for (const descriptor of await manifestsOf(store, root)) {
      const manifest = await readManifest(store, descriptor);
      if ([root.digest, descriptor.digest, manifest.config.digest].some(begins)) found.set(root.digest, root);
    }
  }
  if (found.size > 0) return [...found.values()];
  const untagged = (await blobsBeginning(store, hex)).map((digest) => untaggedImage(store, digest));
  return (await Promise.all(untagged)).filter((descriptor) => descriptor !== null);
}

async function blobsBeginning(store: Store, hex: string): Promise<readonly BlobDigest[]> {
  const names = await readdir(join(store.paths.oci, 'blobs', 'sha256'));
  return names.filter((name) => name.startsWith(hex) && isDigest(`sha256:${name}`)).map((name) => digestFromHex<BlobDigest>(name));
}

/** If the blob is an image's config: the manifest over its plain layers, as a build without a name kept it. */
async function untaggedImage(store: Store, digest: BlobDigest): Promise<Descriptor | null> {
  const size = store.blobs.stat(digest);
  if (size === null || size > configSizeBytesMax) return null;
  try {
    const config = decodeImageConfig(await store.blobs.read(digest, configSizeBytesMax), `config ${digest}`);
    const layers = config.rootfs.diff_ids.map((diffID) => plainLayer(diffID, store.blobs));
    const manifest = assembleManifest({ config: { mediaType: mediaTypes.ociConfig, digest, size }, layers });
    return store.blobs.stat(manifest.descriptor.digest) === null ? null : manifest.descriptor;
  } catch (error) {
    if (error instanceof TsbuildError && error.errorClass === 'registry') return null;
    throw error;
  }
}
