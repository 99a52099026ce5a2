/** A checked-out repository as COPY and ADD see it: what git keeps in it is hidden, and its modes are those that git knows. */
import { lutimes, readdir } from 'node:fs/promises';
import { TsbuildError } from '../../base/errors.ts';
import { withGitModes } from '../../context/git-modes.ts';
import { ignoreNothing } from '../../context/ignore.ts';
import { findInTree } from '../../context/select.ts';
import { openContextTree, type DirectoryReader } from '../../context/tree.ts';
import { readDirectory } from '../../native/directory.ts';

export interface GitTreeOptions {
  readonly root: string;
  readonly keepsGit: boolean;
}

/** Modes are those that git knows, whatever the umask was when it wrote the files. */
export function gitDirectoryReader({ root, keepsGit }: GitTreeOptions): DirectoryReader {
  return withGitModes((path) => readDirectory(root, path).filter(({ name }) => name !== '.git' || keepsGit));
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
