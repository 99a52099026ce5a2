/**
 * One `key=value` of RUN --mount. It does not know defaults or which fields go together. Start at `readMountField`.
 */
import type { CacheSharing, Mount } from './mount-kinds.ts';
import { reject } from './rejection.ts';
import { suggestionHint } from './suggest.ts';
import { parseBool, parseSize, parseUint32 } from './values.ts';

/** What the fields said so far. */
export interface MountFields {
  readonly type: Mount['type'];
  readonly from?: string;
  readonly source?: string;
  readonly target?: string;
  readonly readOnly?: boolean;
  readonly required?: boolean;
  readonly sizeBytes?: number;
  readonly id?: string;
  readonly sharing?: CacheSharing;
  readonly env?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

const types: readonly Mount['type'][] = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'];
const sharings: readonly CacheSharing[] = ['shared', 'private', 'locked'];
const keys = [
  'type', 'from', 'source', 'src', 'target', 'dst', 'destination', 'readonly', 'ro', 'readwrite', 'rw', 'required',
  'size', 'id', 'sharing', 'mode', 'uid', 'gid', 'env',
];

/** Adds one field to those before it. @throws TsbuildError `MOUNT_KEY`, `MOUNT_TYPE`, `MOUNT_VALUE`, and what `expand` throws */
export function readMountField(fields: MountFields, field: string, expand: (value: string) => string): MountFields {
  const equals = field.indexOf('=');
  if (equals < 0) return readFlagField(fields, field);
  const key = field.slice(0, equals).toLowerCase();
  const value = expand(field.slice(equals + 1));
  switch (key) {
    case 'type': return { ...fields, type: oneOf(types, value, 'mount type') };
    case 'sharing': return { ...fields, sharing: oneOf(sharings, value, 'sharing value') };
    case 'from': case 'id': case 'env': return { ...fields, [key]: value };
    case 'source': case 'src': return { ...fields, source: value };
    case 'target': case 'dst': case 'destination': return { ...fields, target: value };
    case 'readonly': case 'ro': return { ...fields, readOnly: readBool(key, value) };
    case 'readwrite': case 'rw': return { ...fields, readOnly: !readBool(key, value) };
    case 'required': return { ...needType(fields, key, ['secret', 'ssh']), required: readBool(key, value) };
    case 'size': return { ...needType(fields, key, ['tmpfs']), sizeBytes: readSize(value) };
    case 'mode': return { ...fields, mode: readNumber(key, value, 8) };
    case 'uid': case 'gid': return { ...fields, [key]: readNumber(key, value, 10) };
    default: return rejectKey(key, field);
  }
}

/** `ro`, `rw` and `required` need no value. */
function readFlagField(fields: MountFields, field: string): MountFields {
  const key = field.toLowerCase();
  switch (key) {
    case 'readonly': case 'ro': return { ...fields, readOnly: true };
    case 'readwrite': case 'rw': return { ...fields, readOnly: false };
    case 'required': return { ...needType(fields, key, ['secret', 'ssh']), required: true };
    default: return reject('MOUNT_KEY', `invalid field '${field}' must be a key=value pair`, { hint: keys.includes(key) ? `Write ${key}=VALUE.` : keyHint(key) });
  }
}

function oneOf<Value extends string>(known: readonly Value[], text: string, what: string): Value {
  const value = known.find((candidate) => candidate === text.toLowerCase());
  if (value !== undefined) return value;
  return reject('MOUNT_TYPE', `unsupported ${what} ${JSON.stringify(text)}`, {
    hint: suggestionHint(text, known) ?? `Known are ${known.join(', ')}.`,
  });
}

function needType(fields: MountFields, key: string, allowed: readonly Mount['type'][]): MountFields {
  if (allowed.includes(fields.type)) return fields;
  return reject('MOUNT_KEY', `unexpected key '${key}' for mount type '${fields.type}'`, {
    hint: `Put type=${allowed.join(' or type=')} before it.`,
  });
}

function readBool(key: string, text: string): boolean {
  return parseBool(text) ?? reject('MOUNT_VALUE', `invalid value for ${key}: ${text}`, { hint: suggestionHint(text.toLowerCase(), ['true', 'false']) ?? `Write ${key}, ${key}=true or ${key}=false.` });
}

function readSize(text: string): number {
  return parseSize(text) ?? reject('MOUNT_VALUE', `invalid value for size: ${text}`, { hint: 'Write a number of bytes, or one with a unit: 64m, 1g.' });
}

function readNumber(key: string, text: string, base: 8 | 10): number {
  return parseUint32(text, base) ?? reject('MOUNT_VALUE', `invalid value ${text} for ${key}`, {
    hint: base === 8 ? 'Write an octal number: 0400.' : `Write a whole number, such as ${key}=1000; names are not looked up.`,
  });
}

function rejectKey(key: string, field: string): never {
  reject('MOUNT_KEY', `unexpected key '${key}' in '${field}'`, { hint: keyHint(key) });
}

function keyHint(key: string): string | undefined {
  return suggestionHint(key, keys);
}
