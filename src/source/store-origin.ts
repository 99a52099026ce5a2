/** The parts of an image that were put into the store before, such as those of an archive that was read from its tar. */
import { TsbuildError } from '../base/errors.ts';
import type { Descriptor } from '../image/config.ts';
import type { Store } from '../store/store.ts';
import type { ImageOrigin } from './origin.ts';

/** The origin over the store's blobs. The size of a descriptor is held against the blob's. */
export function storeOrigin(store: Store, name: string): ImageOrigin {
  const check = ({ digest, size }: Descriptor): void => {
    const stored = store.blobs.stat(digest);
    if (stored === size) return;
    const cause = stored === null ? 'it is missing' : `it has ${stored} bytes, announced were ${size}`;
    throw new TsbuildError('registry', 'ARCHIVE_INVALID', `load ${name}: blob ${digest}: ${cause}`, { hint: 'The archive is incomplete. Make it again.' });
  };
  return {
    name,
    readDocument: async (descriptor) => {
      check(descriptor);
      return store.blobs.read(descriptor.digest);
    },
    fetchBlob: async function* (descriptor) {
      check(descriptor);
      yield* store.blobs.stream(descriptor.digest);
    },
  };
}
