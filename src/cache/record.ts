/**
 * A cache record as two lines of JSON. The first holds the result and its own digest and is all that a hit reads; the
 * second holds the key's parts, which may list thousands of files, and is read only to explain a miss: it is verified by
 * making the key again. Version 1; a change of form goes with a new folder.
 */
import { canonicalJson, makeKey, type CacheKey, type JsonValue, type KeyPart } from '../base/canonical.ts';
import { digestOf, type ContentDigest, type KeyDigest } from '../base/digest.ts';

/** What a record says, once it is read. */
export interface CacheRecord<Result> {
  readonly version: 1;
  readonly key: CacheKey;
  readonly result: Result;
}

/** Writes a record. */
export function encodeRecord(key: CacheKey, result: JsonValue): string {
  const body = canonicalJson([1, key.digest, result]);
  const head = canonicalJson({ digest: digestOf<ContentDigest>(body), version: 1, key: key.digest, result });
  const parts = canonicalJson({ operation: key.operation, parts: key.parts.map(({ name, value }) => [name, value]) });
  return `${head}\n${parts}\n`;
}

/** The result of the record for this key, or null if the record is broken, or is another key's. */
export function decodeResult(text: string, expected: KeyDigest): { readonly result: JsonValue } | null {
  const head = parseObject(text.slice(0, Math.max(0, text.indexOf('\n'))));
  if (head === null) return null;
  const { digest, version, key, result } = head;
  if (version !== 1 || key !== expected || result === undefined) return null;
  return digest === digestOf<ContentDigest>(canonicalJson([1, key, result])) ? { result } : null;
}

/** The key with its parts, or null if that line is broken. */
export function decodeKey(text: string, expected: KeyDigest): CacheKey | null {
  const line = parseObject(text.slice(text.indexOf('\n') + 1));
  if (line === null || typeof line['operation'] !== 'string' || !Array.isArray(line['parts'])) return null;
  const pairs: readonly unknown[] = line['parts'];
  if (!pairs.every(isPair)) return null;
  const key = makeKey(line['operation'], pairs.map(([name, value]): KeyPart => ({ name, value })));
  return key.digest === expected ? key : null;
}

function isPair(value: unknown): value is readonly [string, JsonValue] {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === 'string';
}

function parseObject(text: string): Readonly<Record<string, JsonValue | undefined>> | null {
  try {
    const value = JSON.parse(text) as JsonValue;
    // The cast repeats what JSON.parse returns; what is in the object is checked field by field.
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Readonly<Record<string, JsonValue>>) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
