/**
 * Bytes from a registry, checked against their descriptor while they pass: never more than announced, never other ones.
 */
import ssri, { type Integrity } from 'ssri';
import { hexOf } from '../base/digest.ts';
import { TsbuildError } from '../base/errors.ts';
import type { Descriptor } from '../image/config.ts';

/** Takes the bytes of one blob in order. */
export interface BlobCheck {
  /** @throws TsbuildError `BLOB_MISMATCH` as soon as there are more bytes than announced */
  update(chunk: Uint8Array): void;
  /** @throws TsbuildError `BLOB_MISMATCH` unless size and digest are those of the descriptor */
  finish(): void;
}

/**
 * Checks a blob by size and sha256.
 * @param operation for messages, `pull docker.io/library/busybox:1.36`
 */
export function checkBlob(descriptor: Descriptor, operation: string): BlobCheck {
  const hasher = ssri.create({ algorithms: ['sha256'] });
  const mismatch = (cause: string): TsbuildError =>
    new TsbuildError('registry', 'BLOB_MISMATCH', `${operation}: blob ${descriptor.digest}: ${cause}`, {
      hint: 'The registry, a mirror or a proxy sent other bytes than the image names. Try again, or without the mirror or proxy.',
      details: { digest: descriptor.digest, size: descriptor.size },
    });
  let sizeBytes = 0;
  return {
    update: (chunk) => {
      sizeBytes += chunk.length;
      if (sizeBytes > descriptor.size) throw mismatch(`more than the announced ${descriptor.size} bytes came`);
      // The typings know Buffer only; ssri hands the chunk to node:crypto, which takes every Uint8Array.
      hasher.update(chunk as Buffer);
    },
    finish: () => {
      if (sizeBytes !== descriptor.size) throw mismatch(`${sizeBytes} bytes came, announced were ${descriptor.size}`);
      // The typings say node:crypto's Hash; ssri's own digest() returns an Integrity (ssri lib/index.js, createIntegrity).
      const actual = (hasher.digest() as unknown as Integrity).hexDigest();
      if (actual !== hexOf(descriptor.digest)) throw mismatch(`the bytes that came have the digest sha256:${actual}`);
    },
  };
}
