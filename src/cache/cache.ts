/**
 * The build cache: from a key to an earlier result, and from a miss to its reason.
 * It does not know what results mean or whether their layers are still there: the executor asks the store.
 * Start at `openCache`; the form of a record is in `record.ts`, the comparison of keys in `explain.ts`.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson, type CacheKey, type JsonValue } from '../base/canonical.ts';
import { digestOf, hexOf, isDigest, type KeyDigest } from '../base/digest.ts';
import { errnoCode, invariant } from '../base/errors.ts';
import { diskError } from '../store/disk-error.ts';
import { makeFolder, replaceFile, type Replacement } from '../store/durable.ts';
import { markUsed } from '../store/last-use.ts';
import type { Store } from '../store/store.ts';
import { countDifferences } from './explain.ts';
import { decodeKey, decodeResult, encodeRecord } from './record.ts';

/** Where a step stands, so that a later miss at the same place can be compared: Dockerfile, stage, instruction. */
export type StepLabel = string;

/** Keys to earlier results. */
export interface Cache {
  /** The result for a key, or null. Costs one file read; a broken record is removed and is a miss. */
  get(key: CacheKey): Promise<JsonValue | null>;
  /** Keeps a result, which is not null. With a label, `nearest` finds the key when the step at this place misses later. */
  put(key: CacheKey, result: JsonValue, label?: StepLabel): Promise<void>;
  /** Of the latest keys that were kept for this operation and label the one that differs least from `key`, or null. */
  nearest(operation: string, label: StepLabel, key: CacheKey): Promise<CacheKey | null>;
}

/** How many keys are remembered for a place: enough to see through switching between two or three branches. */
const rememberedMax = 4;

/** The cache that is kept in a store. */
export function openCache(store: Pick<Store, 'paths'>): Cache {
  const { cache: folder, tmp } = store.paths;
  makeFolder(join(folder, 'last'));
  const folders: CacheFolders = { folder, tmp };
  return {
    get: (key) => getResult(folders, key.digest),
    put: (key, result, label) => putRecord(folders, key, result, label),
    nearest: (operation, label, key) => findNearest(folders, lastPath(folders, operation, label), key),
  };
}

interface CacheFolders {
  readonly folder: string;
  readonly tmp: string;
}

async function getResult(folders: CacheFolders, digest: KeyDigest): Promise<JsonValue | null> {
  const path = recordPath(folders, digest);
  const text = readText(path);
  if (text === null) return null;
  const decoded = decodeResult(text, digest);
  if (decoded !== null) {
    markUsed(path);
    return decoded.result;
  }
  await rm(path, { force: true }).catch((error: unknown) => failing('remove broken record', path, error));
  return null;
}

async function putRecord(folders: CacheFolders, key: CacheKey, result: JsonValue, label?: StepLabel): Promise<void> {
  invariant(result !== null, `a null for ${key.operation} cannot be told from a miss`);
  // A record is checked when it is read: one that a power cut took, or tore, is a miss.
  await write(folders, { path: recordPath(folders, key.digest), bytes: encodeRecord(key, result), flush: 'bytes' });
  if (label === undefined) return;
  const path = lastPath(folders, key.operation, label);
  const remembered = [key.digest, ...readDigests(path).filter((digest) => digest !== key.digest)];
  await write(folders, { path, bytes: canonicalJson(remembered.slice(0, rememberedMax)), flush: 'nothing' });
}

async function findNearest(folders: CacheFolders, path: string, key: CacheKey): Promise<CacheKey | null> {
  let nearest: CacheKey | null = null;
  let fewest = Infinity;
  for (const digest of readDigests(path)) {
    const text = digest === key.digest ? null : readText(recordPath(folders, digest));
    const candidate = text === null ? null : decodeKey(text, digest);
    const differences = candidate === null ? Infinity : countDifferences(candidate, key);
    if (differences < fewest) [nearest, fewest] = [candidate, differences];
  }
  return Promise.resolve(nearest);
}

function recordPath({ folder }: CacheFolders, digest: KeyDigest): string {
  return join(folder, `${hexOf(digest)}.json`);
}

function lastPath({ folder }: CacheFolders, operation: string, label: StepLabel): string {
  return join(folder, 'last', `${hexOf(digestOf<KeyDigest>(canonicalJson([operation, label])))}.json`);
}

/** The keys remembered for a place, latest first; anything unreadable is none: it only costs an explanation. */
function readDigests(path: string): readonly KeyDigest[] {
  const text = readText(path);
  const listed = text === null ? [] : (text.match(/"sha256:[0-9a-f]{64}"/g) ?? []);
  return listed.map((quoted) => quoted.slice(1, -1)).filter((digest): digest is KeyDigest => isDigest(digest));
}

/** Synchronous on purpose: a record is small, and four trips through the thread pool would cost more than the read. */
function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return null;
    return failing('read record', path, error);
  }
}

async function write({ tmp }: CacheFolders, file: Pick<Replacement, 'path' | 'bytes' | 'flush'>): Promise<void> {
  const temporary = join(tmp, `record-${randomBytes(8).toString('hex')}`);
  await replaceFile({ ...file, temporary, mode: 0o600 }).catch((error: unknown) => failing('write record', file.path, error));
}

function failing(operation: string, path: string, error: unknown): never {
  throw diskError(error, { operation, path, owner: 'store' });
}
