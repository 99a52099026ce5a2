/**
 * Writes and reads the binary specifications that go to the sandbox process: little-endian integers and length-prefixed
 * bytes in a fixed order, the mirror image of `addon/sandbox/spec.h`. Paths and arguments are bytes: they need not be UTF-8.
 */
import { invariant } from '../base/errors.ts';

export type Bytes = string | Uint8Array;

const word = 2 ** 32;
const shortLengthMax = 256;

export class SpecWriter {
  #buffer = Buffer.allocUnsafe(1024);
  #size = 0;

  u8(value: number): this {
    this.#reserve(1);
    this.#size = this.#buffer.writeUInt8(value, this.#size);
    return this;
  }
  u16(value: number): this {
    this.#reserve(2);
    this.#size = this.#buffer.writeUInt16LE(value, this.#size);
    return this;
  }
  u32(value: number): this {
    this.#reserve(4);
    this.#size = this.#buffer.writeUInt32LE(value, this.#size);
    return this;
  }
  u64(value: number | bigint): this {
    if (typeof value === 'number' && Number.isSafeInteger(value)) return this.u32(value % word).u32(Math.floor(value / word));
    this.#reserve(8);
    this.#size = this.#buffer.writeBigUInt64LE(BigInt(value), this.#size);
    return this;
  }
  i64(value: number | bigint): this {
    this.#reserve(8);
    this.#size = this.#buffer.writeBigInt64LE(BigInt(value), this.#size);
    return this;
  }
  boolean(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }
  bytes(value: Bytes): this {
    if (typeof value === 'string' && this.#shortAscii(value)) return this;
    const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
    this.u32(bytes.length);
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#size);
    this.#size += bytes.length;
    return this;
  }
  strings(values: readonly Bytes[]): this {
    this.u32(values.length);
    for (const value of values) this.bytes(value);
    return this;
  }
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#size);
  }

  /** Most of what is written: a specification has hundreds, and a Buffer for each costs more than its bytes. */
  #shortAscii(value: string): boolean {
    const { length } = value;
    if (length > shortLengthMax) return false;
    this.#reserve(4 + length);
    const start = this.#size + 4;
    for (let at = 0; at < length; at++) {
      const code = value.charCodeAt(at);
      if (code > 0x7f) return false;
      this.#buffer[start + at] = code;
    }
    this.#buffer.writeUInt32LE(length, this.#size);
    this.#size = start + length;
    return true;
  }

  #reserve(bytes: number): void {
    if (this.#size + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#size + bytes));
    this.#buffer.copy(larger, 0, 0, this.#size);
    this.#buffer = larger;
  }
}

/** Reads what the sandbox process answers; a short buffer is a bug of ours. */
export class FrameReader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }
  u8(): number {
    return this.#take(1).readUInt8();
  }
  u16(): number {
    return this.#take(2).readUInt16LE();
  }
  u32(): number {
    return this.#take(4).readUInt32LE();
  }
  u64(): bigint {
    return this.#take(8).readBigUInt64LE();
  }
  i64(): bigint {
    return this.#take(8).readBigInt64LE();
  }
  bytes(): Buffer {
    return this.#take(this.u32());
  }
  /** As many bytes as both sides know by themselves. */
  raw(size: number): Buffer {
    return this.#take(size);
  }
  string(): string {
    return this.bytes().toString('utf8');
  }
  strings(): string[] {
    return Array.from({ length: this.u32() }, () => this.string());
  }
  get atEnd(): boolean {
    return this.#at === this.#buffer.length;
  }

  #take(size: number): Buffer {
    invariant(this.#at + size <= this.#buffer.length, 'a frame of the sandbox process is cut short');
    const slice = this.#buffer.subarray(this.#at, this.#at + size);
    this.#at += size;
    return slice;
  }
}
