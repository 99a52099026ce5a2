/** Reads a context on this machine through the addon, and says in a user's words what cannot be read. */
import { getSystemErrorMap } from 'node:util';
import { errnoCode, TsbuildError } from '../base/errors.ts';
import type { DirectoryReader } from '../context/tree.ts';
import { readDirectory } from '../native/directory.ts';

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

/** The error for a path of the context that the system would not read; anything else that was thrown stays as it is. */
export function unreadableError(root: string, path: string, cause: unknown): unknown {
  const errno = errnoCode(cause);
  const reason = systemReasons().get(errno ?? '');
  if (errno === undefined || reason === undefined) return cause;
  return new TsbuildError('usage', 'CONTEXT_UNREADABLE', `read context: ${path === '' ? root : path}: ${reason}`, {
    hint: errno === 'EACCES' || errno === 'EPERM' ? 'Make it readable, or name it in the ignore file.' : 'Name it in the ignore file if no step needs it.',
    cause,
    details: { path, errno },
  });
}

function systemReasons(): ReadonlyMap<string, string> {
  return new Map(getSystemErrorMap().values());
}
