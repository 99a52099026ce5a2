/** Writes streams into files of the store. */
import { createHash } from 'node:crypto';
import { write } from 'node:fs';
import { digestFromHex, type BlobDigest } from '../base/digest.ts';
import type { Ingested } from '../store/store.ts';

/** Writes all bytes at the file's position. */
export async function writeAll(fd: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += await writeSome(fd, bytes, at);
}

/** Writes a stream and says what it was. */
export async function writeStream(fd: number, source: AsyncIterable<Uint8Array>): Promise<Ingested> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of source) {
    hash.update(chunk);
    sizeBytes += chunk.length;
    await writeAll(fd, chunk);
  }
  return { digest: digestFromHex<BlobDigest>(hash.digest('hex')), sizeBytes };
}

function writeSome(fd: number, bytes: Uint8Array, at: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, at, bytes.length - at, null, (error, written) => (error === null ? resolve(written) : reject(error)));
  });
}
