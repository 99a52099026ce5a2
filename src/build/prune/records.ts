/** Records of the build cache as garbage collection sees them: which blobs they name, and which step they are of. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { CacheKey, JsonValue } from '../../base/canonical.ts';
import { digestFromHex, type KeyDigest } from '../../base/digest.ts';
import { errnoCode } from '../../base/errors.ts';
import { decodeKey, decodeResult } from '../../cache/record.ts';
import { hexOfText } from './documents.ts';

export interface RecordSummary {
  /** Of the key, with its version: `run/3`. */
  readonly operation: string;
  /** All digests in the result, in hex. */
  readonly needs: readonly string[];
  /** `RUN make test`. */
  readonly about: string;
}

/** Lines for people are no longer than this. */
const aboutLengthMax = 120;

/** Null for a record that is broken: a build takes it for none. */
export function readRecord(path: string): RecordSummary | null {
  const hex = basename(path, '.json');
  if (hexOfText(`sha256:${hex}`) === null) return null;
  const text = readText(path);
  const digest = digestFromHex<KeyDigest>(hex);
  const decoded = text === null ? null : decodeResult(text, digest);
  const key = text === null || decoded === null ? null : decodeKey(text, digest);
  if (decoded === null || key === null) return null;
  return { operation: key.operation, needs: digestsIn(decoded.result), about: describe(key) };
}

/** The file's text; null where there is no file. */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return null;
    throw error;
  }
}

function digestsIn(value: JsonValue): readonly string[] {
  if (typeof value === 'string') return [hexOfText(value)].filter((hex) => hex !== null);
  if (value === null || typeof value !== 'object') return [];
  return Object.values(value as Readonly<Record<string, JsonValue>>).flatMap(digestsIn); // lists have values too
}

/** The instruction, as far as the key tells it. */
function describe({ operation, parts }: CacheKey): string {
  const name = operation.slice(0, operation.indexOf('/'));
  const values = new Map(parts.map((part) => [part.name, part.value]));
  const told = values.get('command') ?? values.get('destination') ?? values.get('path') ?? values.get('layer') ?? null;
  const words = typeof told === 'string' ? told : Array.isArray(told) ? told.join(' ') : '';
  const line = `${name} ${words}`.replaceAll(/\s+/g, ' ').trim();
  return line.length <= aboutLengthMax ? line : `${line.slice(0, aboutLengthMax - 1)}…`;
}
