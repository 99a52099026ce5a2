/**
 * Output files: whole under their name, or not there. Written beside their place, flushed, renamed; removed on failure, and
 * after SIGKILL by the next who opens the store.
 * A device, a FIFO or `/dev/stdout` has no name to replace and is written to directly.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, realpath, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { errnoCode, TsbuildError } from '../base/errors.ts';
import { undo } from '../base/releasing.ts';
import { diskError } from '../store/disk-error.ts';
import { syncDirectory } from '../store/durable.ts';
import type { Store } from '../store/store.ts';

/** The name of something unfinished in a user's folder. */
export function unfinishedName(): string {
  return `.tsbuild-${randomBytes(6).toString('hex')}`;
}

/** Where it is written down that something unfinished is about to stand in a user's folder: see `Store.remember`. */
export type OutputRecord = Pick<Store, 'remember'>;

/** Writes a small file whole, for `--iidfile` and `--metadata-file`. Throws as `writeOutput` does. */
export function writeFileAtomically(path: string, bytes: Uint8Array | string, record: OutputRecord): Promise<void> {
  return writeOutput(path, [Buffer.from(bytes)], { record });
}

export interface OutputOptions {
  readonly record: OutputRecord;
  readonly signal?: AbortSignal;
}

/**
 * Writes the chunks to a file. A link is followed: what it points to is replaced.
 * @throws TsbuildError `OUTPUT_INVALID`, `OUTPUT_DENIED`, `OUTPUT_READ_ONLY`, `OUTPUT_IO`, `DISK_FULL`; what the chunks
 *   throw; the signal's reason when it aborts
 */
export async function writeOutput(path: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, options: OutputOptions): Promise<void> {
  try {
    const target = await targetOf(path);
    await (target.kind === 'file' ? replaceBy(target.path, chunks, options) : writeInto(target.path, chunks, options.signal));
  } catch (error) {
    throw diskError(error, { operation: 'write output', path, owner: 'output' });
  }
}

type Target = { readonly kind: 'file'; readonly path: string } | { readonly kind: 'device'; readonly path: string };

async function targetOf(path: string): Promise<Target> {
  const found = await stat(path).catch((error: unknown) => {
    if (errnoCode(error) === 'ENOENT') return null;
    throw error;
  });
  if (found === null) return { kind: 'file', path };
  if (found.isDirectory()) throw destinationIsFolder(path);
  // /dev/stdout may be a regular file that the shell opened: its name is not ours to replace.
  if (!found.isFile() || /^\/(dev|proc)\//.test(path)) return { kind: 'device', path };
  return { kind: 'file', path: await realpath(path) };
}

/** The error for a file that is to stand where a folder is. */
export function destinationIsFolder(path: string): TsbuildError {
  return new TsbuildError('usage', 'OUTPUT_INVALID', `write output ${path}: destination file is a directory`, {
    hint: 'Name a file, for example dest=image.tar.',
  });
}

async function replaceBy(path: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, { record, signal }: OutputOptions): Promise<void> {
  const unfinished = join(dirname(path), unfinishedName());
  record.remember([{ kind: 'unfinished', path: resolve(unfinished) }]);
  try {
    const handle = await open(unfinished, 'wx', 0o666);
    try {
      await writeChunks(handle, chunks, signal);
      await handle.sync();
    } finally {
      await handle.close();
    }
    signal?.throwIfAborted();
    await rename(unfinished, path);
  } catch (error) {
    throw await undo(error, () => rm(unfinished, { force: true }));
  }
  await syncDirectory(dirname(path));
}

async function writeInto(path: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, signal?: AbortSignal): Promise<void> {
  const handle = await open(path, constants.O_WRONLY);
  try {
    await writeChunks(handle, chunks, signal);
  } finally {
    await handle.close();
  }
}

async function writeChunks(handle: FileHandle, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, signal?: AbortSignal): Promise<void> {
  for await (const chunk of chunks) {
    signal?.throwIfAborted();
    for (let at = 0; at < chunk.length; ) at += (await handle.write(chunk, at)).bytesWritten;
  }
}
