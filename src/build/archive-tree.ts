/** A context that is an archive: told by its content, and unpacked to be read as any directory. Start at `unpackTree`. */
import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { TsbuildError } from '../base/errors.ts';
import { ignoreNothing } from '../context/ignore.ts';
import { openContextTree, walkTree, type DirectoryReader } from '../context/tree.ts';
import { decompress, peekBytes } from '../layer/decompress.ts';
import { readDirectory } from '../native/directory.ts';
import { archiveSizeHint } from './archive-limit.ts';
import type { FetchedTree } from './fetched-tree.ts';
import { blockBytes, isTarHeader } from './tar-header.ts';
import { unpackContext } from './unpack-context.ts';

/** Whether a file is a tar, compressed or not; broken compression is an archive too, because it is nothing else. */
export async function isArchive(path: string): Promise<boolean> {
  const plain = decompress(createReadStream(path), { what: 'context', sizeBytesMax: Infinity });
  try {
    return isTarHeader((await peekBytes(plain, blockBytes)).start);
  } catch (error) {
    if (error instanceof TsbuildError && error.code === 'DATA_CORRUPT') return true;
    throw error;
  } finally {
    await plain.return();
  }
}

export interface UnpackTreeOptions {
  /** What the archive may grow to. */
  readonly archiveBytesMax: number;
  readonly signal: AbortSignal;
}

/**
 * Unpacks into a new folder. The time is that of the newest file.
 * @throws TsbuildError of unpacking; `CONTEXT_DEVICE`, class usage
 */
export async function unpackTree(archive: AsyncIterable<Uint8Array>, folder: string, { archiveBytesMax, signal }: UnpackTreeOptions): Promise<FetchedTree> {
  await mkdir(folder, { mode: 0o700 });
  await unpackContext(decompress(archive, { what: 'context', sizeBytesMax: archiveBytesMax, sizeHint: archiveSizeHint, signal }), folder, signal);
  const root = join(folder, 'upper');
  const read: DirectoryReader = (at) => readDirectory(root, at);
  let newest: number | null = null;
  for (const { path, entry } of walkTree(openContextTree(root, ignoreNothing, read), '')) {
    if (entry.type === 'character' || entry.type === 'block') throw deviceIn(path);
    if (entry.type === 'file') newest = Math.max(newest ?? 0, Number(entry.mtimeNs / 1_000_000_000n));
  }
  return { root, readDirectory: read, timeSeconds: newest };
}

function deviceIn(path: string): TsbuildError {
  return new TsbuildError('usage', 'CONTEXT_DEVICE', `context: ${path}: an archive of files has no use for a device`, { hint: 'Leave it out of the archive.' });
}
