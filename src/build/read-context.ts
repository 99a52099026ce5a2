/** Reads a context on this machine through the addon, and says in a user's words what cannot be read. */
import { errnoCode, TsbuildError } from '../base/errors.ts';
import type { ReadContents } from '../context/digests.ts';
import type { DirectoryReader } from '../context/tree.ts';
import { fileChangedError, readContents, readDirectory } from '../native/directory.ts';
import { goneErrnos, unreadableError } from './unreadable.ts';

/** A reader of the directories below a root. It throws a TsbuildError `CONTEXT_UNREADABLE` with `path` and `errno`. */
export function contextReader(root: string): DirectoryReader {
  return (path) => {
    try {
      return readDirectory(root, path);
    } catch (error) {
      throw unreadableError(root, path, error);
    }
  };
}

/**
 * Reads files that were listed before.
 * @throws TsbuildError `FILE_CHANGED` also for one that is gone; `CONTEXT_UNREADABLE`
 */
export const readContextContents: ReadContents = async (root, paths) => {
  try {
    return await readContents(root, paths);
  } catch (error) {
    if (error instanceof TsbuildError) throw error;
    const path = error instanceof Error && 'path' in error ? String(error.path) : '';
    throw goneErrnos.includes(errnoCode(error)) ? fileChangedError(path, error) : unreadableError(root, path, error);
  }
};
