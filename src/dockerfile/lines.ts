/**
 * Physical lines: the file as text, cut at line feeds, each line within a limit of length.
 * It knows nothing of comments, continuations or instructions. Start at `LineReader`.
 */
import { isUtf8 } from 'node:buffer';
import type { SourceRange } from '../base/errors.ts';
import { decodePath } from '../base/path-bytes.ts';
import { reject } from './rejection.ts';
import { wellFormed } from './well-formed.ts';

/** The longest line without its line feed: the buffer of Go's bufio.Scanner, which BuildKit reads with, less one. */
export const lineSizeMax = 65_535;
/** The largest Dockerfile. BuildKit's own limit is that of a gRPC message, 16 MiB. */
export const dockerfileSizeMax = 16 * 1024 * 1024;

/** A file, decoded. */
export interface DecodedText {
  /** Without its byte order mark; bytes that are not UTF-8 are U+FFFD. */
  readonly text: string;
  /** The same as bytes, where some of them are not UTF-8. */
  readonly foreign: Buffer | null;
}

/** @throws TsbuildError `DOCKERFILE_EMPTY`, `DOCKERFILE_TOO_LARGE`, `DOCKERFILE_UTF16` */
export function decodeText(source: Uint8Array | string, file: string): DecodedText {
  const position = { file, startLine: 1, endLine: 1 };
  if (source.length === 0) reject('DOCKERFILE_EMPTY', 'the Dockerfile cannot be empty', { position, hint: 'A Dockerfile starts with FROM.' });
  if (source.length > dockerfileSizeMax) {
    reject('DOCKERFILE_TOO_LARGE', `the Dockerfile is larger than ${dockerfileSizeMax} bytes`, { position, hint: 'COPY large files from the context instead of writing them here.' });
  }
  if (typeof source === 'string') return { text: wellFormed(source.replace(/^\ufeff/, '')), foreign: null };
  const bytes = withoutMark(Buffer.from(source.buffer, source.byteOffset, source.byteLength));
  if (isUtf8(bytes)) return { text: bytes.toString('utf8'), foreign: null };
  if (/^(\xff\xfe|\xfe\xff)/.test(bytes.toString('latin1', 0, 2))) {
    reject('DOCKERFILE_UTF16', 'the Dockerfile is UTF-16, not UTF-8', { position, hint: 'Save it as UTF-8: iconv -f UTF-16 -t UTF-8.' });
  }
  return { text: bytes.toString('utf8'), foreign: bytes };
}

/** One byte order mark goes; a second one is a character. */
function withoutMark(bytes: Buffer): Buffer {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}

/** A place between two lines. */
export interface LinePlace {
  readonly at: number;
  readonly byteAt: number;
}

/** Hands out the lines of a text in order, with their line ends, and knows where it stands. */
export class LineReader {
  readonly #text: string;
  readonly #foreign: Buffer | null;
  readonly #file: string;
  #at = 0;
  /** Counted only where bytes are not UTF-8. A line feed is one in either, so the lines are the same. */
  #byteAt = 0;
  /** The number of the line that was read last; 0 before the first. */
  line = 0;

  constructor({ text, foreign }: DecodedText, file: string) {
    this.#text = text;
    this.#foreign = foreign;
    this.#file = file;
  }

  /** Where the next line begins. */
  get place(): LinePlace {
    return { at: this.#at, byteAt: this.#byteAt };
  }

  /**
   * The next line, or undefined at the end.
   * @throws TsbuildError `DOCKERFILE_LINE_TOO_LONG`
   */
  next(): string | undefined {
    if (this.#at >= this.#text.length) return undefined;
    const feed = this.#text.indexOf('\n', this.#at);
    const end = feed < 0 ? this.#text.length : feed;
    this.line += 1;
    if (this.#isTooLong(end)) this.#rejectLength();
    const line = this.#text.slice(this.#at, feed < 0 ? end : end + 1);
    this.#at += line.length;
    return line;
  }

  #isTooLong(end: number): boolean {
    if (this.#foreign === null) return isTooLong(this.#text, this.#at, end);
    const start = this.#byteAt;
    const feed = this.#foreign.indexOf(0x0a, start);
    this.#byteAt = feed < 0 ? this.#foreign.length : feed + 1;
    return (feed < 0 ? this.#foreign.length : feed) - start > lineSizeMax;
  }

  /** The range of lines from `startLine` to the one read last. */
  rangeFrom(startLine: number): SourceRange {
    return { file: this.#file, startLine, endLine: Math.max(this.line, startLine) };
  }

  /** What stands between two places, exactly: bytes that are not UTF-8 are lone surrogates (base/path-bytes.ts). */
  between(from: LinePlace, to: LinePlace): string {
    return this.#foreign === null ? this.#text.slice(from.at, to.at) : decodePath(this.#foreign.subarray(from.byteAt, to.byteAt));
  }

  #rejectLength(): never {
    reject('DOCKERFILE_LINE_TOO_LONG', `dockerfile line greater than max allowed size of ${lineSizeMax}`, {
      position: this.rangeFrom(this.line),
      hint: 'Split the line with continuations, or COPY a file instead.',
    });
  }
}

/** A UTF-16 unit takes one to three bytes; only lines between the two bounds must be measured. */
function isTooLong(text: string, start: number, end: number): boolean {
  if (end - start > lineSizeMax) return true;
  return (end - start) * 3 > lineSizeMax && Buffer.byteLength(text.slice(start, end)) > lineSizeMax;
}
