/**
 * JSON that a stranger wrote: size and depth are checked before it is parsed, types when a field is read. Fields that
 * nobody asks for are never looked at. Start at `parseDocument`.
 */
import { TsbuildError } from '../base/errors.ts';

/** The deepest nesting of objects and arrays in a document. Real images stay below ten. */
export const jsonDepthMax = 64;

/** Names the document and the place in it, for messages such as `manifest sha256:…: layers[3].size`. */
export interface Place {
  readonly document: string;
  readonly path: string;
}

/** A JSON object of a document, with where it stands. Its keys are only ever read with `field`. */
export interface JsonObject {
  readonly place: Place;
  readonly fields: ReadonlyMap<string, unknown>;
}

/**
 * Parses a document whose top is an object.
 * @throws TsbuildError `DOCUMENT_TOO_LARGE`, `DOCUMENT_INVALID`, class registry
 */
export function parseDocument(bytes: Uint8Array, document: string, sizeBytesMax: number): JsonObject {
  if (bytes.length > sizeBytesMax) {
    throw new TsbuildError('registry', 'DOCUMENT_TOO_LARGE', `${document}: ${bytes.length} bytes are more than the limit of ${sizeBytesMax}`);
  }
  checkDepth(bytes, document);
  const place = { document, path: '' };
  try {
    return asObject(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)), place);
  } catch (error) {
    if (error instanceof TsbuildError) throw error;
    throw new TsbuildError('registry', 'DOCUMENT_INVALID', `${document}: it is not JSON`, { cause: error });
  }
}

/** The error for a field that is not what it has to be. */
export function invalidField(place: Place, problem: string): TsbuildError {
  const where = place.path === '' ? '' : `${place.path} `;
  return new TsbuildError('registry', 'DOCUMENT_INVALID', `${place.document}: ${where}${problem}`, {
    hint: 'The image is damaged or was not made for containers. Pull it again or use another one.',
  });
}

/** Where a field of the object stands. */
export function placeOf(object: JsonObject, key: string): Place {
  return { document: object.place.document, path: object.place.path === '' ? key : `${object.place.path}.${key}` };
}

/** A field, with null and absent made one. */
export function field(object: JsonObject, key: string): unknown {
  return object.fields.get(key) ?? undefined;
}

/** The value as an object: arrays, null and scalars are refused. */
export function asObject(value: unknown, place: Place): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalidField(place, 'is not an object');
  return { place, fields: new Map(Object.entries(value)) };
}

/** An optional object field. */
export function objectField(object: JsonObject, key: string): JsonObject | undefined {
  const value = field(object, key);
  return value === undefined ? undefined : asObject(value, placeOf(object, key));
}

/** An optional string field of bounded length. */
export function stringField(object: JsonObject, key: string): string | undefined {
  const value = field(object, key);
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw invalidField(placeOf(object, key), 'is not a string');
  return value;
}

/** An optional field with a whole number between the limits, both included. */
export function integerField(object: JsonObject, key: string, min: number, max: number): number | undefined {
  const value = field(object, key);
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    throw invalidField(placeOf(object, key), `is not a whole number from ${min} to ${max}`);
  }
  return value;
}

/** An optional field that is true or false. */
export function booleanField(object: JsonObject, key: string): boolean | undefined {
  const value = field(object, key);
  if (value !== undefined && typeof value !== 'boolean') throw invalidField(placeOf(object, key), 'is not true or false');
  return value;
}

/** An optional array field, each item with its place; `countMax` bounds what follows. */
export function arrayField(object: JsonObject, key: string, countMax: number): { value: unknown; place: Place }[] | undefined {
  const value = field(object, key);
  if (value === undefined) return undefined;
  const place = placeOf(object, key);
  if (!Array.isArray(value)) throw invalidField(place, 'is not an array');
  if (value.length > countMax) throw invalidField(place, `has ${value.length} items, more than the limit of ${countMax}`);
  return value.map((item: unknown, index) => ({ value: item, place: { document: place.document, path: `${place.path}[${index}]` } }));
}

/** An optional array of strings. */
export function stringsField(object: JsonObject, key: string, countMax: number): string[] | undefined {
  return arrayField(object, key, countMax)?.map(({ value, place }) => {
    if (typeof value !== 'string') throw invalidField(place, 'is not a string');
    return value;
  });
}

/** An optional object whose values are strings. `__proto__` is a key like any other. */
export function stringMapField(object: JsonObject, key: string): Record<string, string> | undefined {
  const map = objectField(object, key);
  if (map === undefined) return undefined;
  const entries = [...map.fields.keys()].map((name): [string, string] => [name, stringField(map, name) ?? '']);
  return Object.fromEntries(entries);
}

/** An optional object used as a set: only its keys count. */
export function setField(object: JsonObject, key: string): Record<string, Record<string, never>> | undefined {
  const set = objectField(object, key);
  if (set === undefined) return undefined;
  return Object.fromEntries([...set.fields.keys()].map((name) => [name, {}]));
}

/** Counts brackets outside strings: cheaper than any parser, and a parser might recurse. */
function checkDepth(bytes: Uint8Array, document: string): void {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (inString) {
      if (byte === 0x5c) at += 1;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x7b || byte === 0x5b) depth += 1;
    else if (byte === 0x7d || byte === 0x5d) depth -= 1;
    if (depth > jsonDepthMax) {
      throw new TsbuildError('registry', 'DOCUMENT_INVALID', `${document}: it is nested deeper than ${jsonDepthMax} levels`);
    }
  }
}
