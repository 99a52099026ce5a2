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
import { choosePlatform, formatPlatform } from '../image/platform.ts';
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

/** Which image of an index is meant. */
export interface PlatformChoice {
  /** What the user asked for; null where nothing was said. */
  readonly wanted: Platform | null;
  /** This machine's. */
  readonly host: Platform;
}

/**
 * Reads the image for the wanted platform; where none was wanted the one for this machine, or else the first.
 * @throws TsbuildError `PLATFORM_MISSING`, class usage
 */
export async function readImage(store: Store, found: FoundImage, choice: PlatformChoice): Promise<StoredImage> {
  return readManifestImage(store, found, await chooseManifest(store, found.root, choice));
}

/** Reads the images of all platforms that are in the store. */
export async function readImages(store: Store, found: FoundImage): Promise<readonly StoredImage[]> {
  const manifests = await manifestsOf(store, found.root);
  return Promise.all(manifests.map((descriptor) => readManifestImage(store, found, descriptor)));
}

async function readManifestImage(store: Store, found: FoundImage, manifestDescriptor: Descriptor): Promise<StoredImage> {
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

async function chooseManifest(store: Store, root: Descriptor, { wanted, host }: PlatformChoice): Promise<Descriptor> {
  const manifests = await manifestsOf(store, root);
  const chosen = choosePlatform(manifests, wanted ?? host) ?? (wanted === null ? manifests[0] : await singleFor(store, manifests, wanted));
  if (chosen !== undefined) return chosen;
  if (wanted !== null) throw await platformMissing(store, root, manifests, wanted);
  throw new TsbuildError('usage', 'IMAGE_NOT_FOUND', `read image ${root.digest}: none of its platforms is in the store`, {
    hint: 'Fetch it with `tsbuild pull --platform`.',
  });
}

/** A manifest that stands alone names its platform in the config only. */
async function singleFor(store: Store, manifests: readonly Descriptor[], wanted: Platform): Promise<Descriptor | undefined> {
  const [only, another] = manifests;
  if (only === undefined || another !== undefined || only.platform !== undefined) return undefined;
  return choosePlatform([{ ...only, platform: await platformOf(store, only) }], wanted) === undefined ? undefined : only;
}

async function platformOf(store: Store, descriptor: Descriptor): Promise<Platform> {
  const { config } = await readManifest(store, descriptor);
  return decodeImageConfig(await store.blobs.read(config.digest, configSizeBytesMax), `config ${config.digest}`);
}

async function platformMissing(store: Store, root: Descriptor, manifests: readonly Descriptor[], wanted: Platform): Promise<TsbuildError> {
  const there = await Promise.all(manifests.map(async (one) => formatPlatform(one.platform ?? (await platformOf(store, one)))));
  return new TsbuildError('usage', 'PLATFORM_MISSING', `read image ${root.digest}: the store has no image for ${formatPlatform(wanted)}`, {
    hint: there.length === 0 ? 'Fetch it with `tsbuild pull --platform`.' : `It has ${there.join(', ')}.`,
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

/** If the blob is an image's config or an index: what a build without a name kept of it. */
async function untaggedImage(store: Store, digest: BlobDigest): Promise<Descriptor | null> {
  const size = store.blobs.stat(digest);
  if (size === null || size > configSizeBytesMax) return null;
  const bytes = await store.blobs.read(digest, configSizeBytesMax);
  try {
    const index = decodeManifestOrIndex(bytes, { name: `blob ${digest}` });
    return index.kind === 'index' ? { mediaType: index.index.mediaType, digest, size } : null;
  } catch (error) {
    if (!(error instanceof TsbuildError) || error.errorClass !== 'registry') throw error;
  }
  return manifestOver(store, { mediaType: mediaTypes.ociConfig, digest, size }, bytes);
}

/** The manifest over the plain layers of a config, if it was kept. */
function manifestOver(store: Store, descriptor: Descriptor, bytes: Uint8Array): Descriptor | null {
  try {
    const config = decodeImageConfig(bytes, `config ${descriptor.digest}`);
    const layers = config.rootfs.diff_ids.map((diffID) => plainLayer(diffID, store.blobs));
    const manifest = assembleManifest({ config: descriptor, layers });
    return store.blobs.stat(manifest.descriptor.digest) === null ? null : manifest.descriptor;
  } catch (error) {
    if (error instanceof TsbuildError && error.errorClass === 'registry') return null;
    throw error;
  }
}
