/**
 * Outputs that are folders. A new folder appears at once, complete. Into a folder that is there the content is merged,
 * as buildx does it: files are replaced one at a time, each whole, other files stay, and a link or file in the place of
 * a folder is replaced, never followed.
 */
import { existsSync, type Stats } from 'node:fs';
import { chmod, lstat, mkdir, readdir, rename, rm, rmdir, stat, utimes } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { errnoCode, TsbuildError } from '../base/errors.ts';
import { undo } from '../base/releasing.ts';
import { diskError } from '../store/disk-error.ts';
import { makeFolder, syncDirectory } from '../store/durable.ts';
import { unfinishedName, type OutputRecord } from './output-file.ts';

/** Fills an empty folder with what is to be in the output. */
export type FillFolder = (folder: string) => Promise<void>;

export interface FolderOptions {
  readonly record: OutputRecord;
  readonly signal: AbortSignal;
  readonly last?: string;
}

/**
 * Makes or updates the folder `path`. `last` names a file at its top that is put in place after everything else, because
 * it speaks of the others (`index.json`).
 * @throws TsbuildError `OUTPUT_INVALID`, `OUTPUT_DENIED`, `OUTPUT_READ_ONLY`, `OUTPUT_IO`, `DISK_FULL`; what `fill` throws
 */
export async function writeFolder(path: string, fill: FillFolder, options: FolderOptions): Promise<void> {
  const destination = resolve(path);
  try {
    const isNew = await checkFolder(path);
    // Inside a folder that is there: it may be a mount point, and rename(2) does not leave a file system.
    const unfinished = join(isNew ? nearestFolder(dirname(destination)) : destination, unfinishedName());
    options.record.remember([{ kind: 'unfinished', path: unfinished }]);
    try {
      await mkdir(unfinished, { mode: 0o777 });
      await fill(unfinished);
      options.signal.throwIfAborted();
      if (isNew) makeFolder(dirname(destination), 0o777);
      await (isNew ? rename(unfinished, destination) : mergeFolder(unfinished, destination, options.last));
    } catch (error) {
      throw await undo(error, () => rm(unfinished, { recursive: true, force: true }));
    }
    await syncDirectory(dirname(destination));
  } catch (error) {
    throw diskError(error, { operation: 'write output', path, owner: 'output' });
  }
}

/** Whether the folder is still to be made. A link to a folder is that folder. */
async function checkFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: unknown) => {
    if (errnoCode(error) === 'ENOENT') return null;
    throw error;
  });
  if (found !== null && !found.isDirectory()) throw destinationIsFile(path);
  return found === null;
}

/** The error for a folder that is to stand where a file is. */
export function destinationIsFile(path: string): TsbuildError {
  return new TsbuildError('usage', 'OUTPUT_INVALID', `write output ${path}: destination directory is a file`, {
    hint: 'Name a folder, or a name that is not there yet.',
  });
}

/** The folder itself or the nearest one above that is there: a failure then leaves no empty folders behind. */
function nearestFolder(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestFolder(dirname(path));
}

/** Moves everything from one folder into the other; `from` is gone afterwards. Names are bytes. */
async function mergeFolder(from: PathBytes, into: PathBytes, last?: string): Promise<void> {
  const names = await readdir(from, { encoding: 'buffer' });
  const isLast = (name: Buffer): number => (last !== undefined && name.equals(Buffer.from(last)) ? 1 : 0);
  for (const name of names.sort((a, b) => isLast(a) - isLast(b) || Buffer.compare(a, b))) {
    await mergeEntry(joinBytes(from, name), joinBytes(into, name));
  }
  await rmdir(from);
}

async function mergeEntry(from: Buffer, into: Buffer): Promise<void> {
  const [made, found] = [await lstat(from), await lstatOrNull(into)];
  if (!made.isDirectory()) {
    if (found?.isDirectory() === true) await rm(into, { recursive: true });
    return rename(from, into);
  }
  // A folder that its owner may not write to cannot be emptied, nor moved to another one.
  await chmod(from, 0o700);
  if (found?.isDirectory() === true) {
    await mergeFolder(from, into);
  } else {
    if (found !== null) await rm(into);
    await rename(from, into);
  }
  await chmod(into, made.mode & 0o7777);
  await utimes(into, made.atime, made.mtime);
}

async function lstatOrNull(path: Buffer): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return null;
    throw error;
  }
}

type PathBytes = string | Buffer;

function joinBytes(folder: PathBytes, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(folder), Buffer.from('/'), name]);
}
