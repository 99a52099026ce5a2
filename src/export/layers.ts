/**
 * Chooses the blob that stands for each layer in an output: the base image's own, ours, or the plain tar.
 * It compresses nothing itself.
 */
import { blobOfDiffID, type DiffID } from '../base/digest.ts';
import { mediaTypes, type Descriptor } from '../image/config.ts';
import { blobMissing } from '../store/blob-error.ts';
import type { BlobStore } from '../store/store.ts';
import type { BuiltImage } from './built-image.ts';
import type { LayerCompression } from './output-spec.ts';

/** How one layer is compressed: always the same bytes for the same layer, type and level. */
export interface LayerForm {
  readonly type: 'gzip' | 'zstd';
  /** Null: the default level. */
  readonly level: number | null;
}

/**
 * The compressed blob of a layer in this form, made by tsbuild: from an earlier call, or made now and kept in the store.
 * It never returns what another tool compressed, because the output would then depend on the store's past.
 */
export type CompressLayer = (diffID: DiffID, form: LayerForm, signal: AbortSignal) => Promise<Descriptor>;

export interface LayerChoice {
  readonly blobs: BlobStore;
  readonly compress: CompressLayer;
  readonly signal: AbortSignal;
}

/** The layers' descriptors for a manifest, lowest first; all their blobs are in the store afterwards. */
export async function chooseLayers(image: BuiltImage, compression: LayerCompression, choice: LayerChoice): Promise<readonly Descriptor[]> {
  const chosen: Descriptor[] = [];
  for (const [index, diffID] of image.layers.entries()) {
    choice.signal.throwIfAborted();
    const original = passThrough(image.baseLayers?.[index], compression, choice.blobs);
    chosen.push(original ?? (await makeLayer(diffID, compression, choice)));
  }
  return chosen;
}

/** The plain tar of a layer as a layer of an OCI manifest. */
export function plainLayer(diffID: DiffID, blobs: BlobStore): Descriptor {
  const digest = blobOfDiffID(diffID);
  const size = blobs.stat(digest);
  if (size === null) throw blobMissing(digest);
  return { mediaType: mediaTypes.ociLayer, digest, size };
}

/** What the compression of a layer is, by its media type. */
export function compressionOf(mediaType: string): LayerCompression['type'] {
  if (mediaType.endsWith('gzip')) return 'gzip';
  return mediaType.endsWith('zstd') ? 'zstd' : 'uncompressed';
}

/** The OCI media type for Docker's: the bytes are the same. */
export function ociLayerType(mediaType: string): string {
  return { gzip: mediaTypes.ociLayerGzip, zstd: mediaTypes.ociLayerZstd, uncompressed: mediaTypes.ociLayer }[compressionOf(mediaType)];
}

function passThrough(base: Descriptor | undefined, compression: LayerCompression, blobs: BlobStore): Descriptor | null {
  if (base === undefined || blobs.stat(base.digest) !== base.size) return null;
  const form = compressionOf(base.mediaType);
  // A base that was built here has plain layers; those are compressed as if they were new.
  if (form !== compression.type && (compression.force || form === 'uncompressed')) return null;
  return { mediaType: ociLayerType(base.mediaType), digest: base.digest, size: base.size };
}

async function makeLayer(diffID: DiffID, { type, level }: LayerCompression, choice: LayerChoice): Promise<Descriptor> {
  if (type === 'uncompressed') return plainLayer(diffID, choice.blobs);
  return choice.compress(diffID, { type, level }, choice.signal);
}
