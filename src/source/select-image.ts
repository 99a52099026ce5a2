/**
 * From a manifest or an index to one platform's image: every document is read from the store, or fetched and put there.
 */
import { TsbuildError } from '../base/errors.ts';
import type { Descriptor, ImageConfig, Index, Manifest, Platform } from '../image/config.ts';
import { decodeManifestOrIndex } from '../image/decode.ts';
import { checkLayerCount, decodeImageConfig } from '../image/decode-config.ts';
import { indexDepthMax, indexMediaTypes, manifestMediaTypes, manifestSizeBytesMax } from '../image/limits.ts';
import { choosePlatform, formatPlatform } from '../image/platform.ts';
import type { Store } from '../store/store.ts';
import type { ImageOrigin } from './origin.ts';
import { readStored } from './root.ts';

/** Which image to read from where. */
export interface Selection {
  readonly root: Descriptor;
  readonly platform: Platform;
  readonly store: Store;
  readonly origin: ImageOrigin;
  readonly signal: AbortSignal;
}

/** The documents of one image; all are in the store. */
export interface SelectedImage {
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  readonly configBytes: Uint8Array;
}

/**
 * Chooses the image for the platform. A manifest that stands alone is taken whatever its platform, as Docker does.
 * @throws TsbuildError `PLATFORM_MISSING` and what decoding and fetching throw, class registry
 */
export async function selectImage(selection: Selection): Promise<SelectedImage> {
  const { descriptor, manifest } = await descend(selection, selection.root, 0);
  const name = `config of ${selection.origin.name}`;
  const configBytes = await readConfig(selection, manifest.config);
  const config = decodeImageConfig(configBytes, name);
  checkLayerCount(manifest, config, selection.origin.name);
  return { descriptor, manifest, config, configBytes };
}

async function descend(selection: Selection, descriptor: Descriptor, depth: number): Promise<{ descriptor: Descriptor; manifest: Manifest }> {
  const { origin, platform } = selection;
  if (depth > indexDepthMax) throw new TsbuildError('registry', 'DOCUMENT_INVALID', `resolve ${origin.name}: its indexes are nested deeper than ${indexDepthMax}`);
  const bytes = await readDocument(selection, descriptor);
  const decoded = decodeManifestOrIndex(bytes, { name: `manifest of ${origin.name}`, mediaType: descriptor.mediaType });
  if (decoded.kind === 'manifest') return { descriptor: { ...descriptor, size: bytes.length }, manifest: decoded.manifest };
  const chosen = choosePlatform(decoded.index.manifests, platform) ?? onlyUnnamed(decoded.index);
  if (chosen === null) throw platformMissing(selection, decoded.index);
  return descend(selection, chosen, depth + 1);
}

/** Layouts and old tools write indexes whose single entry names no platform: then there is nothing to choose. */
function onlyUnnamed(index: Index): Descriptor | null {
  const images = index.manifests.filter((entry) => manifestMediaTypes.has(entry.mediaType) || indexMediaTypes.has(entry.mediaType));
  const [first, ...others] = images.filter((entry) => entry.platform === undefined);
  return first !== undefined && others.length === 0 ? first : null;
}

async function readDocument({ store, origin, signal }: Selection, descriptor: Descriptor): Promise<Uint8Array> {
  if (descriptor.size > manifestSizeBytesMax) {
    throw new TsbuildError('registry', 'DOCUMENT_TOO_LARGE', `resolve ${origin.name}: manifest ${descriptor.digest}: ${descriptor.size} bytes are more than the limit of ${manifestSizeBytesMax}`);
  }
  const stored = await readStored(store, descriptor.digest);
  if (stored !== null) return stored;
  const bytes = await origin.readDocument(descriptor, signal);
  await store.blobs.put(bytes);
  return bytes;
}

async function readConfig({ store, origin, signal }: Selection, descriptor: Descriptor): Promise<Uint8Array> {
  const stored = await readStored(store, descriptor.digest);
  if (stored !== null) return stored;
  const chunks: Uint8Array[] = [];
  // Its size was checked against the limit when the manifest was decoded; the origin sends no more than that.
  for await (const chunk of origin.fetchBlob(descriptor, { signal })) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  await store.blobs.put(bytes);
  return bytes;
}

function platformMissing({ origin, platform }: Selection, index: Index): TsbuildError {
  const offered = index.manifests.flatMap((entry) => (entry.platform === undefined || entry.platform.os === 'unknown' ? [] : [formatPlatform(entry.platform)]));
  return new TsbuildError('registry', 'PLATFORM_MISSING', `resolve ${origin.name}: it has no image for ${formatPlatform(platform)}`, {
    hint: offered.length === 0 ? 'It names no platform at all.' : `It has ${[...new Set(offered)].sort().join(', ')}. Choose one with --platform.`,
    details: { platform: formatPlatform(platform), offered },
  });
}
