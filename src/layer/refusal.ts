/**
 * Gives the failures that a job decided by itself (no system call failed) the code and class that callers act on.
 */
import { TsbuildError, type ErrorClass } from '../base/errors.ts';

interface Meaning {
  readonly errorClass: ErrorClass;
  readonly code: string;
  readonly hint?: string;
}

const corruptLayer: Meaning = { errorClass: 'registry', code: 'LAYER_CORRUPT' };
const badArchive: Meaning = { errorClass: 'step', code: 'ARCHIVE_INVALID' };

/** By the errno that the job chose (addon/sandbox: calls of `refuse`). */
const meanings: Readonly<Record<string, Meaning>> = {
  EBUSY: { errorClass: 'step', code: 'FILE_CHANGED', hint: 'Build again when nothing writes to it.' },
  ENOTDIR: { errorClass: 'step', code: 'COPY_CONFLICT' },
  EISDIR: { errorClass: 'step', code: 'COPY_CONFLICT' },
  EINVAL: { errorClass: 'step', code: 'NAME_IMPOSSIBLE' },
  ELOOP: { errorClass: 'step', code: 'TREE_TOO_DEEP' },
};
const archiveErrnos: readonly string[] = ['EBADMSG', 'ENOLINK', 'ENAMETOOLONG', 'ELOOP', 'ENOTDIR'];

function meaningOf(operation: unknown, errno: string): Meaning | undefined {
  if (operation === 'apply layer' && archiveErrnos.includes(errno)) return corruptLayer;
  if (operation === 'extract archive' && archiveErrnos.includes(errno) && errno !== 'ENOTDIR') return badArchive;
  return meanings[errno];
}

/** The error to throw instead of what the helper threw; anything but a refusal is returned as it is. */
export function explainRefusal(error: unknown, what: string): unknown {
  if (!(error instanceof TsbuildError) || error.code !== 'SANDBOX_FAILED') return error;
  const { errno, detail, syscall, operation } = error.details;
  if (typeof errno !== 'string' || typeof detail !== 'string' || detail === '' || syscall !== '') return error;
  const meaning = meaningOf(operation, errno);
  if (meaning === undefined) return error;
  return new TsbuildError(meaning.errorClass, meaning.code, `${what}: ${detail}`, {
    ...(meaning.hint === undefined ? {} : { hint: meaning.hint }),
    details: error.details,
  });
}
