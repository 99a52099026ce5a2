/** Strings and numbers as SSH writes them (RFC 4251, section 5): big-endian, with the length before the bytes. */
import { TsbuildError } from '../../base/errors.ts';

/** Reads one after the other; what is cut short is an error. */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }
  u32(): number {
    return this.#take(4).readUInt32BE();
  }
  /** A string, whose bytes need not be text. */
  string(): Buffer {
    return this.#take(this.u32());
  }
  text(): string {
    return this.string().toString('latin1');
  }
  /** A number that is not negative, without leading zeros. */
  mpint(): Buffer {
    const bytes = this.string();
    const start = bytes.findIndex((byte) => byte !== 0);
    return start < 0 ? Buffer.alloc(0) : bytes.subarray(start);
  }

  #take(size: number): Buffer {
    if (size > this.#bytes.length - this.#at) throw new TsbuildError('usage', 'SSH_INVALID', 'ssh data: it is cut short');
    const part = this.#bytes.subarray(this.#at, this.#at + size);
    this.#at += size;
    return part;
  }
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A string with its length. */
export function wireString(bytes: Uint8Array | string): Buffer {
  const content = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
  return Buffer.concat([u32(content.length), content]);
}

/** A number that is not negative: its highest bit would be a sign. */
export function wireMpint(bytes: Uint8Array): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0);
  const digits = start < 0 ? Buffer.alloc(0) : bytes.subarray(start);
  return wireString((digits[0] ?? 0) < 0x80 ? digits : Buffer.concat([Buffer.alloc(1), digits]));
}
