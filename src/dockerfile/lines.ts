/**
 * Physical lines: the file as text, cut at line feeds, each line within a limit of length.
 * It knows nothing of comments, continuations or instructions. Start at `LineReader`.
 */
import type { SourceRange } from '../base/errors.ts';
import { reject } from './rejection.ts';

/** The longest line without its line feed: the buffer of Go's bufio.Scanner, which BuildKit reads with, less one. */
export const lineSizeMax = 65_535;
/** The largest Dockerfile. BuildKit's own limit is that of a gRPC message, 16 MiB. */
export const dockerfileSizeMax = 16 * 1024 * 1024;

/** The file's text without its byte order mark, and whether bytes were not UTF-8. */
export interface DecodedText {
  readonly text: string;
  readonly valid: boolean;
}

/**
 * Decodes a Dockerfile. Bytes that are not UTF-8 become U+FFFD.
 * @throws TsbuildError `DOCKERFILE_EMPTY`, `DOCKERFILE_TOO_LARGE`
 */
export function decodeText(source: Uint8Array | string, file: string): DecodedText {
  const position = { file, startLine: 1, endLine: 1 };
  if (source.length === 0) reject('DOCKERFILE_EMPTY', 'the Dockerfile cannot be empty', { position });
  if (source.length > dockerfileSizeMax) {
    reject('DOCKERFILE_TOO_LARGE', `the Dockerfile is larger than ${dockerfileSizeMax} bytes`, { position });
  }
  // TextDecoder drops a byte order mark at the start and nowhere else.
  const text = typeof source === 'string' ? source.replace(/^\ufeff/, '') : new TextDecoder().decode(source);
  return { text, valid: typeof source === 'string' || isUtf8(source) };
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Hands out the lines of a text in order, with their line ends, and knows where it stands. */
export class LineReader {
  readonly #text: string;
  readonly #file: string;
  #offset = 0;
  /** The number of the line that was read last; 0 before the first. */
  line = 0;

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
  }

  /** Where the next line begins in the text. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * The next line, or undefined at the end.
   * @throws TsbuildError `DOCKERFILE_LINE_TOO_LONG`
   */
  next(): string | undefined {
    if (this.#offset >= this.#text.length) return undefined;
    const feed = this.#text.indexOf('\n', this.#offset);
    const end = feed < 0 ? this.#text.length : feed;
    this.line += 1;
    if (isTooLong(this.#text, this.#offset, end)) this.#rejectLength();
    const line = this.#text.slice(this.#offset, feed < 0 ? end : end + 1);
    this.#offset += line.length;
    return line;
  }

  /** The range of lines from `startLine` to the one read last. */
  rangeFrom(startLine: number): SourceRange {
    return { file: this.#file, startLine, endLine: Math.max(this.line, startLine) };
  }

  /** The text between two offsets, as it stands in the file. */
  slice(start: number, end: number): string {
    return this.#text.slice(start, end);
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
