/** The parts of an image from its registry; the client is loaded when the first of them is asked for. */
import { formatReference, type Reference } from '../image/reference.ts';
import type { Registry } from '../registry/registry.ts';
import type { ImageOrigin } from './origin.ts';

/** The origin for everything below a reference. */
export function registryOrigin(registry: () => Promise<Registry>, reference: Reference): ImageOrigin {
  return {
    name: formatReference(reference),
    readDocument: async ({ digest }, signal) => (await (await registry()).getManifest({ ...reference, digest }, signal)).bytes,
    fetchBlob: async function* (descriptor, transfer) {
      yield* (await registry()).fetchBlob(reference, descriptor, transfer);
    },
  };
}
