/**
 * When something was used last: the modification time of its file, which nothing else of tsbuild reads. It decides what
 * garbage collection takes first, and no result.
 */
import { utimesSync } from 'node:fs';
import { errnoCode } from '../base/errors.ts';
import { diskError } from './disk-error.ts';

/** Uses closer to each other than this are one, so that a build after the other writes nothing. */
const exactMs = 60_000;

/** What may come of it without harm: the file went meanwhile, or belongs to somebody else, or the disk is read-only. */
const harmless = new Set(['ENOENT', 'EPERM', 'EACCES', 'EROFS']);

/**
 * Says that a file is in use now.
 * @param lastUsedMs what is known of its last use, if anything, in milliseconds since the epoch
 */
export function markUsed(path: string, lastUsedMs?: number): void {
  const nowMs = Date.now();
  if (lastUsedMs !== undefined && Math.abs(nowMs - lastUsedMs) < exactMs) return;
  try {
    utimesSync(path, nowMs / 1000, nowMs / 1000);
  } catch (error) {
    if (!harmless.has(errnoCode(error) ?? '')) throw diskError(error, { operation: 'mark as used', path, owner: 'store' });
  }
}
