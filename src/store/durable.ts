/**
 * Files that are whole or absent: written under another name, flushed, renamed, and the folder flushed after.
 * It does not know what the files mean. What takes the kernel microseconds is asked of it at once: the way through the
 * thread pool and back costs more. Only a flush, which waits for the disk, goes that way.
 */
import { closeSync, fsync, mkdirSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { errnoCode } from '../base/errors.ts';
import { undo } from '../base/releasing.ts';

/** A file that is to appear, or to be replaced, at once. */
export interface Replacement {
  readonly path: string;
  /** An unused name on the same file system; gone afterwards, whatever happens. */
  readonly temporary: string;
  readonly bytes: Uint8Array | string;
  /** Permission bits; the umask applies. */
  readonly mode: number;
  /**
   * What a power cut may not take: `all` (default), so that the file is there afterwards; `bytes`: it may be the old one,
   * but no torn one; `nothing`, for files that their readers check and that may be lost. A flush costs milliseconds.
   */
  readonly flush?: 'all' | 'bytes' | 'nothing';
}

/** Writes the file so that a reader or a crash, and a power cut as far as asked for, sees the old bytes or the new ones. */
export async function replaceFile(file: Replacement): Promise<void> {
  const { flush = 'all' } = file;
  try {
    await writeNew(file.temporary, file.bytes, { mode: file.mode, flush: flush !== 'nothing' });
    renameSync(file.temporary, file.path);
  } catch (error) {
    throw await undo(error, () => rm(file.temporary, { force: true }));
  }
  if (flush === 'all') await syncDirectory(dirname(file.path));
}

/** Writes a new file; a file of that name must not be there. */
export async function writeNew(path: string, bytes: Uint8Array | string, options: { readonly mode: number; readonly flush: boolean }): Promise<void> {
  const fd = openSync(path, 'wx', options.mode);
  try {
    writeFileSync(fd, bytes);
    if (options.flush) await flushToDisk(fd);
  } finally {
    closeSync(fd);
  }
}

/** fsync(2): what was written is on the disk when this resolves. */
export const flushToDisk: (fd: number) => Promise<void> = promisify(fsync);

/**
 * Makes a folder and those above it, by default for this user alone. What is there stays as it is. Not mkdir's own
 * `recursive`, which calls a full disk and a read-only one "no such file or directory".
 */
export function makeFolder(path: string, mode = 0o700): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (errnoCode(error) === 'EEXIST') return;
    if (errnoCode(error) !== 'ENOENT' || dirname(path) === path) throw error;
    makeFolder(dirname(path), mode);
    makeFolder(path, mode);
  }
}

/** Makes names in a folder durable (fsync(2), "does not necessarily ensure that the entry in the directory …"). */
export async function syncDirectory(path: string): Promise<void> {
  const fd = openSync(path, 'r');
  try {
    await flushToDisk(fd);
  } catch (error) {
    // Some network and FUSE file systems refuse to flush folders: there is nothing more to be had from them.
    if (errnoCode(error) !== 'EINVAL' && errnoCode(error) !== 'ENOTSUP') throw error;
  } finally {
    closeSync(fd);
  }
}
