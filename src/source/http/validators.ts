/**
 * What a server said about a file that was fetched, kept beside the build cache: with it the server can say "not modified"
 * and nothing is sent (RFC 9110, section 13). The address itself, which may hold a secret, is not kept.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../../base/canonical.ts';
import { digestOf, hexOf, isDigest, type BlobDigest, type KeyDigest } from '../../base/digest.ts';
import { errnoCode } from '../../base/errors.ts';
import type { HttpResponse } from '../../registry/transport.ts';
import { diskError } from '../../store/disk-error.ts';
import { makeFolder, replaceFile } from '../../store/durable.ts';
import type { StorePaths } from '../../store/store.ts';

export interface Validators {
  readonly digest: BlobDigest;
  /** Headers as the server sent them; null where it did not. */
  readonly etag: string | null;
  readonly lastModified: string | null;
  /** Whether Last-Modified alone tells that the file is the same: not where it may have changed within the same second. */
  readonly isSettled: boolean;
}

const version = 1;
/** RFC 9110, section 8.8.2.2 wants one second; two are git's rule for stamps that are too young to trust. */
const settledMs = 2000;

export function validatorsOf(response: HttpResponse, digest: BlobDigest): Validators {
  const lastModified = response.header('last-modified') ?? null;
  const ageMs = Date.parse(response.header('date') ?? '') - Date.parse(lastModified ?? '');
  return { digest, etag: response.header('etag') ?? null, lastModified, isSettled: ageMs >= settledMs };
}

/** Headers of a request that the server need not answer with the file. */
export function conditionalHeaders({ etag, lastModified, isSettled }: Validators): Readonly<Record<string, string>> {
  if (etag !== null) return { 'if-none-match': etag };
  return lastModified !== null && isSettled ? { 'if-modified-since': lastModified } : {};
}

/** Whether a whole answer is, by its strong entity tag, what was fetched before: some servers know tags but not conditions. */
export function isSameEntity(response: HttpResponse, { etag }: Validators): boolean {
  return etag !== null && !etag.startsWith('W/') && response.header('etag') === etag;
}

/** Seconds since the epoch that a Last-Modified header means, or null. */
export function modifiedSecondsOf({ lastModified }: Pick<Validators, 'lastModified'>): number | null {
  const ms = Date.parse(lastModified ?? '');
  return Number.isNaN(ms) || ms < 0 ? null : Math.floor(ms / 1000);
}

/** What is remembered of an address; anything that is missing or unreadable is nothing: it costs a download. */
export async function readValidators(paths: StorePaths, url: URL): Promise<Validators | null> {
  const path = pathOf(paths, url);
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError || errnoCode(error) === 'ENOENT') return null;
    throw diskError(error, { operation: 'read record', path, owner: 'store' });
  }
  return decode(value);
}

export async function writeValidators(paths: StorePaths, url: URL, validators: Validators): Promise<void> {
  const path = pathOf(paths, url);
  makeFolder(join(paths.cache, 'http'));
  const temporary = join(paths.tmp, `record-${randomBytes(8).toString('hex')}`);
  try {
    await replaceFile({ path, temporary, bytes: canonicalJson({ version, ...validators }), mode: 0o600, flush: 'bytes' });
  } catch (error) {
    throw diskError(error, { operation: 'write record', path, owner: 'store' });
  }
}

function pathOf(paths: StorePaths, url: URL): string {
  const { origin, pathname, search } = url;
  return join(paths.cache, 'http', `${hexOf(digestOf<KeyDigest>(canonicalJson([origin, pathname, search])))}.json`);
}

function decode(value: unknown): Validators | null {
  if (typeof value !== 'object' || value === null || !('version' in value) || value.version !== version) return null;
  const { digest, etag, lastModified, isSettled } = value as Partial<Record<keyof Validators, unknown>>;
  if (typeof digest !== 'string' || !isDigest(digest) || typeof isSettled !== 'boolean') return null;
  if (!isTextOrNull(etag) || !isTextOrNull(lastModified)) return null;
  return { digest: digest as BlobDigest, etag, lastModified, isSettled };
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}
