/**
 * Finds out by content how a stream is compressed, and undoes it. Start at `decompress`.
 * It limits what comes out: a few kilobytes can stand for terabytes.
 */
import { spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Decompress as ZstdDecompress } from 'fzstd';
import { errnoCode, messageOf, TsbuildError, type ErrorClass } from '../base/errors.ts';

export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';

/** How many bytes `detectCompression` wants to see. */
export const magicBytes = 6;

/** What the first bytes say (RFC 1952; RFC 8878, 3.1.1 and 3.1.2; the formats of bzip2 and xz). */
export function detectCompression(start: Uint8Array): Compression {
  const has = (...bytes: number[]): boolean => bytes.every((byte, index) => start[index] === byte);
  if (has(0x1f, 0x8b)) return 'gzip';
  if (has(0x28, 0xb5, 0x2f, 0xfd)) return 'zstd';
  if (((start[0] ?? 0) & 0xf0) === 0x50 && start[1] === 0x2a && start[2] === 0x4d && start[3] === 0x18) return 'zstd';
  if (has(0x42, 0x5a, 0x68) && (start[3] ?? 0) >= 0x31 && (start[3] ?? 0) <= 0x39) return 'bzip2';
  if (has(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)) return 'xz';
  return 'none';
}

export interface DecompressOptions {
  /** Names the data in errors, e.g. `layer sha256:…`. */
  readonly what: string;
  /** More bytes than this are an error. */
  readonly sizeBytesMax: number;
  /** Of what is wrong with the data; `registry` unless told. */
  readonly errorClass?: ErrorClass;
  /** What to do where there are more. */
  readonly sizeHint?: string;
  readonly signal?: AbortSignal;
}

type Bytes = AsyncGenerator<Uint8Array, void, undefined>;

/**
 * The stream without its compression; for `pipeline(source, (bytes) => decompress(bytes, options), target)`.
 * @throws TsbuildError `DATA_CORRUPT`, `DATA_TOO_LARGE` (class `errorClass`), `DECOMPRESSOR_MISSING`
 */
export async function* decompress(source: AsyncIterable<Uint8Array>, options: DecompressOptions): Bytes {
  const { start, all } = await peekBytes(source, magicBytes);
  const compression = detectCompression(start);
  let sizeBytes = 0;
  try {
    for await (const chunk of undo(compression, all, options)) {
      options.signal?.throwIfAborted();
      sizeBytes += chunk.length;
      if (sizeBytes > options.sizeBytesMax) {
        throw new TsbuildError(options.errorClass ?? 'registry', 'DATA_TOO_LARGE', `decompress ${options.what}: it has more than ${options.sizeBytesMax} bytes`, options.sizeHint === undefined ? {} : { hint: options.sizeHint });
      }
      yield chunk;
    }
  } catch (cause) {
    options.signal?.throwIfAborted();
    if (cause instanceof TsbuildError || compression === 'none' || (errnoCode(cause) ?? 'Z_').startsWith('E')) throw cause;
    throw corrupt(options, compression, messageOf(cause), cause);
  }
}

function corrupt({ what, errorClass = 'registry' }: DecompressOptions, compression: Compression, reason: string, cause?: unknown): TsbuildError {
  return new TsbuildError(errorClass, 'DATA_CORRUPT', `decompress ${what}: its ${compression} data is broken: ${reason}`, { cause });
}

function undo(compression: Compression, source: Bytes, options: DecompressOptions): AsyncIterable<Uint8Array> {
  switch (compression) {
    case 'none':
      return source;
    case 'gzip':
      return throughGunzip(source);
    case 'zstd':
      return throughZstd(source, options);
    case 'bzip2':
    case 'xz':
      return throughProgram(compression, source, options);
  }
}

/** The first bytes, fewer where there are no more, and the whole stream including them. */
export async function peekBytes(source: AsyncIterable<Uint8Array>, sizeBytes: number): Promise<{ readonly start: Uint8Array; readonly all: Bytes }> {
  const iterator = source[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (size < sizeBytes) {
    const next = await iterator.next();
    if (next.done === true) break;
    chunks.push(next.value);
    size += next.value.length;
  }
  return { start: Buffer.concat(chunks).subarray(0, sizeBytes), all: replay(chunks, iterator) };
}

async function* replay(chunks: readonly Uint8Array[], iterator: AsyncIterator<Uint8Array>): Bytes {
  try {
    yield* chunks;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  } finally {
    await iterator.return?.();
  }
}

/** Node's gunzip reads members that follow each other, and reports a cut one. Decoding is the same on every CPU. */
async function* throughGunzip(source: Bytes): Bytes {
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  const input = Readable.from(source, { objectMode: true });
  input.once('error', (error) => gunzip.destroy(error));
  try {
    yield* input.pipe(gunzip) as AsyncIterable<Uint8Array>;
  } finally {
    input.destroy();
    gunzip.destroy();
  }
}

async function* throughZstd(source: Bytes, options: DecompressOptions): Bytes {
  const ready: Uint8Array[] = [];
  let isWhole = false;
  const stream = new ZstdDecompress((chunk, isLast) => {
    if (chunk.length > 0) ready.push(chunk);
    isWhole = isLast === true;
  });
  // The end is told by itself: what came before a cut is data.
  for await (const chunk of source) {
    stream.push(chunk, false);
    yield* ready.splice(0);
  }
  stream.push(new Uint8Array(0), true);
  yield* ready.splice(0);
  if (!isWhole) throw corrupt(options, 'zstd', 'it ends early');
}

/** Formats that only archives use: the system's program decompresses them, with our bytes on its standard input. */
async function* throughProgram(program: 'bzip2' | 'xz', source: Bytes, options: DecompressOptions): Bytes {
  const { what, signal } = options;
  const child = spawn(program, ['-d', '-c'], { stdio: ['pipe', 'pipe', 'pipe'], ...(signal === undefined ? {} : { signal }) });
  let printed = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (printed = (printed + text).slice(-500)));
  const ended = new Promise<Error | number | null>((resolve) => {
    child.once('error', resolve);
    child.once('close', (code) => resolve(code));
  });
  const input = Readable.from(source, { objectMode: true });
  // A program that gave up closes its input; why it did is in its exit code and words.
  child.stdin.once('error', () => input.destroy());
  input.once('error', (error) => child.stdout.destroy(error)).pipe(child.stdin);
  try {
    yield* child.stdout as AsyncIterable<Uint8Array>;
    const end = await ended;
    if (end instanceof Error) throw missingProgram(program, what, end);
    if (end !== 0) throw corrupt(options, program, printed.trim().split('\n')[0] ?? 'no reason given');
  } finally {
    input.destroy();
    child.kill('SIGKILL');
    await ended;
  }
}

function missingProgram(program: string, what: string, cause: Error): Error {
  if (errnoCode(cause) !== 'ENOENT') return cause;
  return new TsbuildError('machine', 'DECOMPRESSOR_MISSING', `decompress ${what}: it needs the program ${program}, which is not installed`, {
    hint: `Install ${program === 'xz' ? 'xz-utils' : program}, or compress the archive with gzip or zstd.`,
    cause,
  });
}
