/** A checked-out repository as COPY and ADD see it: what git keeps in it is hidden, and its modes are those that git knows. */
import { lutimes, readdir } from 'node:fs/promises';
import { TsbuildError } from '../../base/errors.ts';
import { ignoreNothing } from '../../context/ignore.ts';
import { findInTree } from '../../context/select.ts';
import { openContextTree, type DirectoryReader, type TreeEntry } from '../../context/tree.ts';
import { readDirectory } from '../../native/directory.ts';

export interface GitTreeOptions {
  readonly root: string;
  readonly keepsGit: boolean;
}

/** Files 0644 or 0755, directories 0755 (SEMANTICS A6, 75): whatever the umask was when git wrote them. */
export function gitDirectoryReader({ root, keepsGit }: GitTreeOptions): DirectoryReader {
  return (path) => readDirectory(root, path).flatMap((entry) => (entry.name === '.git' && !keepsGit ? [] : [withMode(entry, modeOf(entry))]));
}

function withMode({ name, type, sizeBytes, mtimeNs, ctimeNs, device, inode, linkCount, rdev, linkTarget }: TreeEntry, mode: number): TreeEntry {
  return { name, type, mode, sizeBytes, mtimeNs, ctimeNs, device, inode, linkCount, rdev, linkTarget };
}

function modeOf({ type, mode }: TreeEntry): number {
  if (type === 'symlink') return 0o777;
  return type === 'directory' || (mode & 0o100) !== 0 ? 0o755 : 0o644;
}

/**
 * Where a subdirectory really is, links followed inside the repository; never a link, never outside.
 * @throws TsbuildError `GIT_SUBDIRECTORY_MISSING`, class usage
 */
export function locateSubdirectory(what: string, root: string, subdirectory: string): string {
  const found = findInTree(openContextTree(root, ignoreNothing, gitDirectoryReader({ root, keepsGit: false })), subdirectory);
  if (found !== null && (found.entry === null || found.entry.type === 'directory')) return found.path;
  throw new TsbuildError('usage', 'GIT_SUBDIRECTORY_MISSING', `${what}: it has no directory ${JSON.stringify(subdirectory)}`, {
    hint: 'The directory comes behind the colon of the fragment, or as ?subdir=. A link counts only if it stays in the repository.',
  });
}

/** Gives everything below a directory one time; nobody else has the directory. */
export async function stampTree(directory: Buffer, seconds: number): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true, encoding: 'buffer' })) {
    const path = Buffer.concat([directory, Buffer.from('/'), entry.name]);
    if (entry.isDirectory()) await stampTree(path, seconds);
    else await lutimes(path, seconds, seconds);
  }
  await lutimes(directory, seconds, seconds);
}
