/** Keeps a built image in the store: its documents over uncompressed layers, and its names (DESIGN.md, section 7). */
import type { BlobDigest } from '../base/digest.ts';
import type { Descriptor } from '../image/config.ts';
import type { Store } from '../store/store.ts';
import type { BuiltImage } from './built-image.ts';
import { composeImage, configDescriptor, type ComposeOptions } from './compose.ts';
import { plainLayer } from './layers.ts';
import { invariant } from '../base/errors.ts';

/** What the store knows an image by. */
export interface KeptImage {
  /** Manifest, or index of several platforms. */
  readonly root: Descriptor;
  /** The digest of the config; null where there is an index, which has one for each platform. */
  readonly configDigest: BlobDigest | null;
}

/**
 * Writes configs, manifests, the index and the names. All layers are in the store.
 * @throws TsbuildError `BLOB_MISSING` for a layer that is not there; errors of the store
 */
export async function storeImage(store: Store, images: readonly BuiltImage[], options: ComposeOptions): Promise<KeptImage> {
  const parts = images.map((image) => ({ image, layers: image.layers.map((diffID) => plainLayer(diffID, store.blobs)) }));
  const { root, documents } = composeImage(parts, options);
  for (const bytes of documents) await store.blobs.put(bytes);
  const { mediaType, digest, size } = root;
  const descriptor = { mediaType, digest, size };
  if (options.names.length > 0) await store.tags.update({ set: options.names.map((name) => ({ name, descriptor })) });
  const [first] = images;
  invariant(first !== undefined, 'an image to be kept');
  return { root: descriptor, configDigest: options.isIndex ? null : configDescriptor(first).digest };
}
