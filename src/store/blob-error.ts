/** The four things that can be wrong with a blob, as errors that say what to do. */
import type { BlobDigest } from '../base/digest.ts';
import { TsbuildError } from '../base/errors.ts';

export function blobMissing(digest: BlobDigest): TsbuildError {
  return new TsbuildError('machine', 'BLOB_MISSING', `read blob ${digest}: it is not in the store`, {
    hint: 'Something removed it. Run the build again: what can be made or fetched again will be.',
    details: { digest },
  });
}

/** The file was moved out of the way before this is thrown. */
export function blobCorrupt(digest: BlobDigest): TsbuildError {
  return new TsbuildError('machine', 'BLOB_CORRUPT', `read blob ${digest}: the bytes on disk have another digest`, {
    hint: 'The broken file was removed from the store. Run the build again to make or fetch it anew, and check the disk.',
    details: { digest },
  });
}

export function blobTooLarge(digest: BlobDigest, sizeBytes: number, sizeMax: number): TsbuildError {
  return new TsbuildError('registry', 'BLOB_TOO_LARGE', `read blob ${digest}: ${sizeBytes} bytes, more than the limit of ${sizeMax}`, {
    details: { digest, sizeBytes, sizeMax },
  });
}

export function blobMismatch(expected: BlobDigest, actual: BlobDigest): TsbuildError {
  return new TsbuildError('registry', 'BLOB_MISMATCH', `store blob ${expected}: what came has the digest ${actual}`, {
    hint: 'It was damaged or replaced on its way; nothing was kept.',
    details: { expected, actual },
  });
}
