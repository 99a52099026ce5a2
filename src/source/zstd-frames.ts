/**
 * Walks the frames and blocks of a zstd stream (RFC 8878, section 3.1) without decoding them, to refuse windows that
 * would cost too much memory and streams that end in the middle.
 */
import { TsbuildError } from '../base/errors.ts';

/** The largest window, as with `zstd -d` without `--long`: 128 MiB. */
export const windowBytesMax = 128 * 1024 * 1024;

/** Sees all bytes in order. */
export interface FrameGuard {
  /** @throws TsbuildError `DECOMPRESS_INVALID` */
  check(chunk: Uint8Array): void;
  /** @throws TsbuildError `DECOMPRESS_INVALID` if a frame is not complete */
  finish(): void;
}

/** The part of a frame that comes next. */
type Expected = 'frame' | 'block';

/** A guard for one stream. */
export function createFrameGuard(): FrameGuard {
  let expected: Expected = 'frame';
  let header: number[] = [];
  let toSkip = 0;
  let checksumBytes = 0;
  const take = (byte: number): void => {
    header.push(byte);
    const read = expected === 'frame' ? readFrameHeader(header) : readBlockHeader(header);
    if (read === null) return;
    header = [];
    toSkip = read.skipBytes;
    if (read.kind === 'frame') checksumBytes = read.checksumBytes;
    else if (read.kind === 'last-block') toSkip += checksumBytes;
    expected = read.kind === 'frame' || read.kind === 'block' ? 'block' : 'frame';
  };
  return {
    check: (chunk) => {
      for (let at = 0; at < chunk.length; ) {
        const skipped = Math.min(toSkip, chunk.length - at);
        toSkip -= skipped;
        at += skipped;
        if (at < chunk.length) take(chunk[at++] ?? 0);
      }
    },
    finish: () => {
      if (expected !== 'frame' || header.length > 0 || toSkip > 0) throw invalid('it ends too early');
    },
  };
}

type Header =
  | { readonly kind: 'frame'; readonly skipBytes: number; readonly checksumBytes: number }
  | { readonly kind: 'skippable' | 'block' | 'last-block'; readonly skipBytes: number };

/** The header of a frame, or null while bytes are missing. */
function readFrameHeader(bytes: readonly number[]): Header | null {
  if (bytes.length < 5) return null;
  const magic = littleEndian(bytes, 0, 4);
  if (Math.floor(magic / 16) === 0x184d2a5) return bytes.length < 8 ? null : { kind: 'skippable', skipBytes: littleEndian(bytes, 4, 4) };
  if (magic !== 0xfd2fb528) throw invalid('a frame has no magic number');
  const flags = bytes[4] ?? 0;
  const single = (flags & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][flags & 3] ?? 0;
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][flags >> 6] ?? 0;
  const sizeAt = 5 + (single ? 0 : 1) + dictionaryBytes;
  if (bytes.length < sizeAt + sizeBytes) return null;
  const contentBytes = littleEndian(bytes, sizeAt, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
  const window = single ? contentBytes : windowBytes(bytes[5] ?? 0);
  if (window > windowBytesMax) throw invalid(`a frame needs a window of ${window} bytes, more than the limit of ${windowBytesMax}`);
  return { kind: 'frame', skipBytes: 0, checksumBytes: (flags & 4) === 0 ? 0 : 4 };
}

function windowBytes(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

/** The header of a block, or null while bytes are missing. */
function readBlockHeader(bytes: readonly number[]): Header | null {
  if (bytes.length < 3) return null;
  const value = littleEndian(bytes, 0, 3);
  const type = (value >> 1) & 3;
  if (type === 3) throw invalid('a block has the reserved type');
  return { kind: (value & 1) === 1 ? 'last-block' : 'block', skipBytes: type === 1 ? 1 : value >> 3 };
}

function littleEndian(bytes: readonly number[], at: number, count: number): number {
  let value = 0;
  for (let index = count - 1; index >= 0; index -= 1) value = value * 256 + (bytes[at + index] ?? 0);
  return value;
}

function invalid(cause: string): TsbuildError {
  return new TsbuildError('registry', 'DECOMPRESS_INVALID', `unzstd: the data is damaged: ${cause}`);
}
