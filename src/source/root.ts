/** Finds what a reference stands for: in the store unless the user wants it pulled, else in the registry. */
import { digestOf } from '../base/digest.ts';
import { errnoCode } from '../base/errors.ts';
import type { Descriptor } from '../image/config.ts';
import { decodeManifestOrIndex } from '../image/decode.ts';
import { manifestSizeBytesMax } from '../image/limits.ts';
import { formatReference, type Reference } from '../image/reference.ts';
import type { FetchedManifest } from '../registry/manifests.ts';
import type { Registry } from '../registry/registry.ts';
import type { Store, Tag } from '../store/store.ts';

/** A question about one reference. */
export interface RootRequest {
  readonly store: Store;
  readonly registry: () => Promise<Registry>;
  /** With tag or digest. */
  readonly reference: Reference;
  readonly pull: boolean;
  readonly signal: AbortSignal;
}

/** The top document of an image, and the tag to record once the rest of the image is there; null: nothing is new. */
export interface FoundRoot {
  readonly descriptor: Descriptor;
  readonly tag: Tag | null;
}

/** Throws TsbuildError of class registry when the reference is found nowhere. */
export async function findRoot(request: RootRequest): Promise<FoundRoot> {
  return request.reference.digest === undefined ? findByTag(request) : findByDigest(request);
}

async function findByTag(request: RootRequest): Promise<FoundRoot> {
  const { store, reference, pull, signal } = request;
  const name = formatReference(reference);
  const stored = await store.tags.get(name);
  if (stored !== null && !pull) return { descriptor: stored.descriptor, tag: null };
  const registry = await request.registry();
  const current = stored === null ? null : (await registry.resolve(reference, signal)).descriptor;
  if (stored !== null && current?.digest === stored.descriptor.digest) return { descriptor: stored.descriptor, tag: null };
  const pinned = current === null ? reference : { ...reference, digest: current.digest };
  const descriptor = await keep(store, await registry.getManifest(pinned, signal), name);
  return { descriptor, tag: { name, descriptor } };
}

async function findByDigest({ store, registry, reference, signal }: RootRequest): Promise<FoundRoot> {
  const name = formatReference(reference);
  const stored = reference.digest === undefined ? null : await readStored(store, reference.digest);
  if (stored !== null) return { descriptor: describeDocument(stored, name), tag: null };
  return { descriptor: await keep(store, await (await registry()).getManifest(reference, signal), name), tag: null };
}

/** The bytes of a stored document, or null where they are missing or were found damaged. */
export async function readStored(store: Store, digest: Descriptor['digest']): Promise<Buffer | null> {
  if (store.blobs.stat(digest) === null) return null;
  try {
    return await store.blobs.read(digest, manifestSizeBytesMax * 2);
  } catch (error) {
    if (errnoCode(error) === 'BLOB_CORRUPT' || errnoCode(error) === 'BLOB_MISSING') return null;
    throw error;
  }
}

async function keep(store: Store, fetched: FetchedManifest, name: string): Promise<Descriptor> {
  const descriptor = describeDocument(fetched.bytes, name, fetched.descriptor);
  await store.blobs.put(fetched.bytes);
  return descriptor;
}

/** The media type is the one that the document gives itself: what a server says about it may be anything. */
function describeDocument(bytes: Uint8Array, name: string, announced?: Descriptor): Descriptor {
  const decoded = decodeManifestOrIndex(bytes, { name: `manifest of ${name}`, ...(announced === undefined ? {} : { mediaType: announced.mediaType }) });
  const { mediaType } = decoded.kind === 'index' ? decoded.index : decoded.manifest;
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}
