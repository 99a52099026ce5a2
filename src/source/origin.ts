/** Where an image's parts come from: a registry, an OCI layout, or the store alone. */
import type { Descriptor } from '../image/config.ts';

/** What moves while a blob is read. */
export interface OriginTransfer {
  readonly signal: AbortSignal;
  readonly onProgress?: (currentBytes: number) => void;
}

export interface ImageOrigin {
  /** For messages: `docker.io/library/busybox:latest`, `oci-layout:///tmp/layout`. */
  readonly name: string;
  /** A manifest or index by its digest, verified. */
  readDocument(descriptor: Descriptor, signal: AbortSignal): Promise<Uint8Array>;
  /** A blob, verified: its bytes count once the iteration has ended without an error. */
  fetchBlob(descriptor: Descriptor, transfer: OriginTransfer): AsyncIterable<Uint8Array>;
}

/** How a transfer is followed and stopped. */
export interface FetchIo {
  readonly signal: AbortSignal;
  /** `item` is a short digest; bytes; `done` comes once, last. */
  onProgress(item: string, current: number, total?: number, done?: boolean): void;
}
