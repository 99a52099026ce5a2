/** What to say of a path of a context that the system would not read. Loads nothing of a build. */
import { getSystemErrorMap } from 'node:util';
import { errnoCode, TsbuildError } from '../base/errors.ts';
import { showName } from '../base/show-name.ts';

/** What something that was there a moment ago answers when it is gone, or a link or something else by now. */
export const goneErrnos: readonly (string | undefined)[] = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'];

/** The error for a path of the context that the system would not read; the empty one is its root. Anything else that was thrown stays as it is. */
export function unreadableError(root: string, path: string, cause: unknown): unknown {
  const errno = errnoCode(cause);
  const reason = new Map(getSystemErrorMap().values()).get(errno ?? '');
  if (errno === undefined || reason === undefined) return cause;
  return new TsbuildError('usage', 'CONTEXT_UNREADABLE', `read context: ${showName(path === '' ? root : path)}: ${reason}`, {
    hint: path !== '' && goneErrnos.includes(errno) ? 'Something changes the context. Build again when nothing writes to it.' : 'Make it readable, or name it in the ignore file.',
    cause,
    details: { path, errno },
  });
}
