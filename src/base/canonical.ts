/**
 * One canonical byte form for data that ends in digests: JSON with sorted keys, and the encoding of cache keys.
 * It does not know what the data means.
 */
import { digestOf, type KeyDigest } from './digest.ts';
import { TsbuildError } from './errors.ts';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue | undefined };

/**
 * JSON with the keys of every object in the order of their UTF-16 units, no blanks, and undefined fields left out:
 * equal data has equal bytes.
 * @throws TsbuildError `CANONICAL_NUMBER` for numbers that JSON cannot carry exactly
 */
export function canonicalJson(value: JsonValue): string {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new TsbuildError('bug', 'CANONICAL_NUMBER', `canonical JSON: ${value} has no JSON form`);
  }
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const fields: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const field = value[key];
    if (field !== undefined) fields.push(`${JSON.stringify(key)}:${canonicalJson(field)}`);
  }
  return `{${fields.join(',')}}`;
}

function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** One named ingredient of a cache key. The name explains a miss to people; the value decides. */
export interface KeyPart {
  readonly name: string;
  readonly value: JsonValue;
}

/** A cache key with what it was made of, so that a miss can be explained by comparing parts. */
export interface CacheKey {
  readonly digest: KeyDigest;
  /** Name and version of the operation, such as `run/1`. */
  readonly operation: string;
  readonly parts: readonly KeyPart[];
}

/**
 * The only maker of cache keys: operation, then the parts in the given order, as canonical JSON,
 * which is length-unambiguous because every string in it is quoted.
 */
export function makeKey(operation: string, parts: readonly KeyPart[]): CacheKey {
  const encoded = canonicalJson([operation, parts.map((part) => [part.name, part.value])]);
  return { digest: digestOf<KeyDigest>(encoded), operation, parts };
}

/** Compares two strings by their UTF-8 bytes: the order of every list that ends in a digest. */
export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}
