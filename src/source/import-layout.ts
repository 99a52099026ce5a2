/**
 * Takes the images of a layout into the store: their documents as they are, their layers both compressed and as tars.
 * Platforms that the layout does not hold are passed over, as long as one is there.
 */
import { TsbuildError } from '../base/errors.ts';
import type { Descriptor, Index } from '../image/config.ts';
import { decodeManifestOrIndex } from '../image/decode.ts';
import { checkLayerCount, decodeImageConfig } from '../image/decode-config.ts';
import { indexDepthMax } from '../image/limits.ts';
import { formatReference, isReference, parseReference, withDefaultTag } from '../image/reference.ts';
import type { Store, Tag } from '../store/store.ts';
import type { LayerFetcher } from './fetch-layers.ts';
import { refNameKey } from './layout.ts';
import type { FetchIo, ImageOrigin } from './origin.ts';

/** What imports share. */
export interface ImportOptions {
  readonly store: Store;
  readonly fetcher: LayerFetcher;
  readonly io: FetchIo;
}

/** Where Docker and containerd write the full name of an image in a layout. */
const imageNameKey = 'io.containerd.image.name';
const missingCodes = new Set(['LAYOUT_INVALID', 'ARCHIVE_INVALID']);

/** Imports every entry of the index; each becomes a tag. */
export async function importLayout(index: Index, origin: ImageOrigin, options: ImportOptions): Promise<readonly Tag[]> {
  const tags = new Map<string, Tag>();
  for (const entry of index.manifests) {
    await importDocument({ descriptor: entry, depth: 0 }, origin, options);
    const name = nameOf(entry);
    const { mediaType, digest, size } = entry;
    tags.set(name, { name, descriptor: { mediaType, digest, size } });
  }
  if (tags.size === 0) throw new TsbuildError('registry', 'LAYOUT_INVALID', `load ${origin.name}: it holds no image`);
  return [...tags.values()];
}

/** The name of an image that has none of its own: it can be used and tagged like any other. */
export function unnamed(descriptor: Descriptor): string {
  return `docker.io/library/loaded:${descriptor.digest.slice('sha256:'.length, 'sha256:'.length + 12)}`;
}

function nameOf(entry: Descriptor): string {
  const full = entry.annotations?.[imageNameKey];
  const short = entry.annotations?.[refNameKey];
  // `ref.name` is often a tag alone ("latest"), which says nothing about the repository.
  const name = full ?? (short !== undefined && /[:/]/.test(short) ? short : undefined);
  if (name === undefined || !isReference(name)) return unnamed(entry);
  const { registry, repository, tag } = withDefaultTag(parseReference(name));
  return tag === undefined ? unnamed(entry) : formatReference({ registry, repository, tag });
}

async function importDocument(document: { descriptor: Descriptor; depth: number }, origin: ImageOrigin, options: ImportOptions): Promise<void> {
  const { descriptor, depth } = document;
  if (depth > indexDepthMax) throw new TsbuildError('registry', 'DOCUMENT_INVALID', `load ${origin.name}: its indexes are nested deeper than ${indexDepthMax}`);
  const bytes = await origin.readDocument(descriptor, options.io.signal);
  const decoded = decodeManifestOrIndex(bytes, { name: `${origin.name}: ${descriptor.digest}`, mediaType: descriptor.mediaType });
  await options.store.blobs.put(bytes);
  if (decoded.kind === 'index') return importIndex({ index: decoded.index, depth }, origin, options);
  const configBytes = await readBlob(origin, decoded.manifest.config, options);
  const config = decodeImageConfig(configBytes, `${origin.name}: config ${decoded.manifest.config.digest}`);
  checkLayerCount(decoded.manifest, config, origin.name);
  await options.store.blobs.put(configBytes);
  const layers = decoded.manifest.layers.flatMap((layer, at) => {
    const diffID = config.rootfs.diff_ids[at];
    return diffID === undefined ? [] : [{ layer, diffID }];
  });
  for (const need of ['tar', 'original'] as const) await options.fetcher.fetchAll({ layers, need, origin, io: options.io });
}

async function importIndex(document: { index: Index; depth: number }, origin: ImageOrigin, options: ImportOptions): Promise<void> {
  const missing: TsbuildError[] = [];
  // Attestations carry the platform unknown/unknown; they are no images.
  const images = document.index.manifests.filter((entry) => entry.platform?.os !== 'unknown');
  for (const child of images) {
    try {
      await importDocument({ descriptor: child, depth: document.depth + 1 }, origin, options);
    } catch (error) {
      if (!(error instanceof TsbuildError) || !missingCodes.has(error.code)) throw error;
      missing.push(error);
    }
  }
  if (missing.length === images.length) {
    throw missing[0] ?? new TsbuildError('registry', 'LAYOUT_INVALID', `load ${origin.name}: its index holds no image`);
  }
}

async function readBlob(origin: ImageOrigin, descriptor: Descriptor, { io }: ImportOptions): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of origin.fetchBlob(descriptor, { signal: io.signal })) chunks.push(chunk);
  return Buffer.concat(chunks);
}
