/**
 * Decompresses streams by what their first bytes are, not by what somebody calls them: gzip (any number of members),
 * zstd, or nothing. Whether the result is the right one, the caller finds out by its digest.
 */
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { messageOf, TsbuildError } from '../base/errors.ts';

/** Turns compressed bytes into plain ones; bytes that are not compressed pass through. */
export type Decompress = (compressed: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

const outputChunkBytes = 256 * 1024;

/**
 * The decompressor for layers and archives. Memory is bounded whatever the stream says (128 MiB window at most for zstd).
 * @throws TsbuildError `DECOMPRESS_INVALID`, class registry, while iterating; errors of the source pass through
 */
export async function* decompress(compressed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = compressed[Symbol.asyncIterator]();
  try {
    const { head, ended } = await readHead(iterator);
    const whole = prepend(head, ended, iterator);
    const kind = kindOf(head);
    if (kind === 'gzip') yield* gunzip(whole);
    else if (kind === 'zstd') yield* (await import('./zstd.ts')).unzstd(whole);
    else yield* whole;
  } finally {
    // Whoever stops early may have seen the head only, and then nobody else knows of the source.
    await iterator.return?.();
  }
}

/** What the first bytes of a stream say about it (RFC 1952; RFC 8878, also frames to be skipped). */
export function kindOf(head: Uint8Array): 'gzip' | 'zstd' | 'plain' {
  const [a = 0, b, c, d] = head;
  if (a === 0x1f && b === 0x8b) return 'gzip';
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return 'zstd';
  return a >> 4 === 5 && b === 0x2a && c === 0x4d && d === 0x18 ? 'zstd' : 'plain';
}

async function readHead(iterator: AsyncIterator<Uint8Array>): Promise<{ head: Uint8Array; ended: boolean }> {
  let head: Uint8Array = new Uint8Array();
  while (head.length < 4) {
    const next = await iterator.next();
    if (next.done === true) return { head, ended: true };
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  return { head, ended: false };
}

async function* prepend(head: Uint8Array, ended: boolean, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  if (head.length > 0) yield head;
  if (!ended) yield* { [Symbol.asyncIterator]: () => rest };
}

async function* gunzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const transform = createGunzip({ chunkSize: outputChunkBytes });
  // Its failure also destroys the transform, and that is where the loop below meets it.
  const feeding = pipeline(source, transform).then(() => null, (error: unknown) => error);
  try {
    for await (const chunk of transform as AsyncIterable<Uint8Array>) yield chunk;
  } catch (error) {
    if (error instanceof TsbuildError || !isZlibError(error)) throw error;
    throw new TsbuildError('registry', 'DECOMPRESS_INVALID', `gunzip: the data is damaged: ${messageOf(error)}`, { cause: error });
  } finally {
    transform.destroy();
    await feeding;
  }
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('Z_');
}
