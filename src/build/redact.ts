/**
 * Keeps the values of secrets out of logs: what a step prints passes here on its way to the log file and to the screen.
 * A value is found wherever chunks are cut. It is found as it is, not encoded, reversed or in part: this saves from
 * accidents (`set -x`, a dump of the environment), not from a step that wants to tell.
 *
 * Of a value with several lines each line counts, because programs print line by line.
 */

/** What is shown in place of a value. */
const mask = Buffer.from('***');
/** Shorter values are words like any other: hiding them would hide everything. */
const valueBytesMin = 4;
/** The same for one line of many: `true` or `[default]` are no secrets. */
const lineBytesMin = 8;
/** Longer lines are looked for in pieces, so that no more than a piece is ever held back. */
const pieceBytesMax = 512;

/** Replaces secrets in one stream of bytes. */
export interface Redactor {
  /** What can be shown now: an end that may be the beginning of a secret is held back. */
  push(chunk: Buffer): Buffer;
  /** What was held back. */
  finish(): Buffer;
}

/** A redactor for each stream of a step. */
export type MakeRedactor = () => Redactor;

/** Prepares the search once for all streams of a step. */
export function redacting(secrets: readonly Uint8Array[]): MakeRedactor {
  const needles = secrets.flatMap((secret) => needlesOf(Buffer.from(secret)));
  if (needles.length === 0) return () => ({ push: (chunk) => chunk, finish: () => Buffer.alloc(0) });
  const index = indexNeedles(needles);
  return () => new Replacer(index);
}

function needlesOf(value: Buffer): readonly Buffer[] {
  const lines = linesOf(value);
  const bytesMin = lines.length === 1 ? valueBytesMin : lineBytesMin;
  return lines.filter((line) => line.length >= bytesMin).flatMap(piecesOf);
}

/** Without blanks at their ends, which shells and editors add and take away. */
function linesOf(value: Buffer): readonly Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start <= value.length; ) {
    const newline = value.indexOf(0x0a, start);
    const end = newline < 0 ? value.length : newline;
    const line = trimmed(value.subarray(start, end));
    if (line.length > 0) lines.push(line);
    start = end + 1;
  }
  return lines;
}

function trimmed(line: Buffer): Buffer {
  const isBlank = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0d;
  let [start, end] = [0, line.length];
  while (start < end && isBlank(line[start])) start++;
  while (end > start && isBlank(line[end - 1])) end--;
  return line.subarray(start, end);
}

/** The last piece takes what would be too short to be looked for. */
function piecesOf(line: Buffer): readonly Buffer[] {
  const pieces: Buffer[] = [];
  let start = 0;
  while (line.length - start > pieceBytesMax + lineBytesMin) pieces.push(line.subarray(start, (start += pieceBytesMax)));
  return [...pieces, line.subarray(start)];
}

/** Needles by their first four bytes, and which of those there are at all. */
interface NeedleIndex {
  /** A bit for the hash of each beginning: most bytes of a log are passed with one look. */
  readonly hashes: Uint8Array;
  /** Longest first. */
  readonly byBeginning: ReadonlyMap<number, readonly Buffer[]>;
  /** The first one, two and three bytes of each, as latin1. */
  readonly shortBeginnings: ReadonlySet<string>;
  readonly longest: number;
}

/** Knuth's, for the upper sixteen bits of a product. */
const hashFactor = 0x9e3779b1;

function indexNeedles(needles: readonly Buffer[]): NeedleIndex {
  const unique = [...new Map(needles.map((needle) => [needle.toString('latin1'), needle])).values()].sort((a, b) => b.length - a.length);
  const hashes = new Uint8Array(1 << 16);
  const byBeginning = new Map<number, Buffer[]>();
  for (const needle of unique) {
    const beginning = needle.readInt32BE(0);
    hashes[Math.imul(beginning, hashFactor) >>> 16] = 1;
    const alike = byBeginning.get(beginning);
    if (alike === undefined) byBeginning.set(beginning, [needle]);
    else alike.push(needle);
  }
  const shortBeginnings = new Set(unique.flatMap((needle) => [1, 2, 3].map((size) => needle.toString('latin1', 0, size))));
  return { hashes, byBeginning, shortBeginnings, longest: unique[0]?.length ?? 0 };
}

class Replacer implements Redactor {
  readonly #index: NeedleIndex;
  #held: Buffer = Buffer.alloc(0);
  /** How many bytes of those held back belong to a value that began before them. */
  #maskedHeld = 0;
  /** The last thing shown was a mask: what is masked right behind it needs none of its own. */
  #hasMasked = false;

  constructor(index: NeedleIndex) {
    this.#index = index;
  }

  push(chunk: Buffer): Buffer {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    return this.#take(bytes, this.#beginningOfTail(bytes));
  }

  finish(): Buffer {
    return this.#take(this.#held, this.#held.length);
  }

  /** Shows the bytes up to `end` and holds back the others. What begins there is found again with what comes. */
  #take(bytes: Buffer, end: number): Buffer {
    const shown: Buffer[] = [];
    let [start, maskedUntil] = [0, this.#maskedHeld];
    for (const { at, size } of findAll(this.#index, bytes)) {
      if (at >= end) break;
      if (at > maskedUntil) start = this.#show(shown, bytes, start, maskedUntil, at);
      maskedUntil = Math.max(maskedUntil, at + size);
    }
    this.#show(shown, bytes, start, Math.min(maskedUntil, end), end);
    this.#maskedHeld = Math.max(0, maskedUntil - end);
    this.#held = Buffer.from(bytes.subarray(end)); // a copy: the chunk may be large
    const [only] = shown;
    return shown.length === 1 && only !== undefined ? only : Buffer.concat(shown);
  }

  /** Shows a mask for `start` to `maskedUntil` and the bytes from there to `end`, and returns that. */
  #show(shown: Buffer[], bytes: Buffer, start: number, maskedUntil: number, end: number): number {
    if (maskedUntil > start && !this.#hasMasked) shown.push(mask);
    if (maskedUntil > start) this.#hasMasked = true;
    if (end > maskedUntil) {
      shown.push(bytes.subarray(maskedUntil, end));
      this.#hasMasked = false;
    }
    return end;
  }

  /** Where an end of the bytes begins that is the beginning of a needle; their length where there is none. */
  #beginningOfTail(bytes: Buffer): number {
    const { byBeginning, shortBeginnings, longest } = this.#index;
    for (let at = Math.max(0, bytes.length - longest + 1); at < bytes.length; at++) {
      const tail = bytes.subarray(at);
      const isBeginning = tail.length < 4
        ? shortBeginnings.has(tail.toString('latin1'))
        : byBeginning.get(tail.readInt32BE(0))?.some((needle) => needle.length > tail.length && isAt(needle, 0, tail)) === true;
      if (isBeginning) return at;
    }
    return bytes.length;
  }
}

interface Match {
  readonly at: number;
  readonly size: number;
}

/** Every place where a value stands, also within another: what all of them cover is masked, however chunks are cut. */
function findAll({ hashes, byBeginning }: NeedleIndex, bytes: Buffer): readonly Match[] {
  const matches: Match[] = [];
  let beginning = 0;
  for (let at = 0; at < bytes.length; at++) {
    beginning = (beginning << 8) | (bytes[at] as number); // in range
    if (hashes[Math.imul(beginning, hashFactor) >>> 16] === 0 || at < 3) continue;
    const size = sizeAt(byBeginning.get(beginning), bytes, at - 3);
    if (size > 0) matches.push({ at: at - 3, size });
  }
  return matches;
}

/** The size of the first needle that stands there; no closure in the loop above, which would cost more than the loop. */
function sizeAt(needles: readonly Buffer[] | undefined, bytes: Buffer, start: number): number {
  return needles?.find((needle) => isAt(bytes, start, needle))?.length ?? 0;
}

function isAt(bytes: Buffer, start: number, part: Buffer): boolean {
  return bytes.length - start >= part.length && bytes.compare(part, 0, part.length, start, start + part.length) === 0;
}
