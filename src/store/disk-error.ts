/**
 * Turns the file system's errors into errors that a user can act on: a full or read-only disk, a missing right.
 * Used for everything that tsbuild writes: the store, the cache, outputs.
 */
import { getSystemErrorMap } from 'node:util';
import { errnoCode, messageOf, TsbuildError, type ErrorClass } from '../base/errors.ts';

/** What was being done when the disk refused. */
export interface DiskOperation {
  /** In the imperative: `write blob`, `create folder`. */
  readonly operation: string;
  readonly path: string;
  /** Whose file it is decides the hint: `store` files are ours, `output` files were named by the user. */
  readonly owner: 'store' | 'output';
}

interface Advice {
  readonly errorClass: ErrorClass;
  readonly code: string;
  readonly hint?: string;
}

/**
 * The error to throw for `cause`. What is a TsbuildError already, or no system error at all, is returned as it is.
 * Codes: `DISK_FULL`, `STORE_READ_ONLY`, `STORE_DENIED`, `STORE_IO`, the same with `OUTPUT_`, `OUTPUT_INVALID`,
 * `TOO_MANY_OPEN_FILES`, `DISK_BROKEN`.
 */
export function diskError(cause: unknown, where: DiskOperation): unknown {
  const errno = errnoCode(cause);
  if (cause instanceof TsbuildError || errno === undefined || !isSystemError(cause)) return cause;
  const { errorClass, code, hint } = adviceFor(errno, where);
  return new TsbuildError(errorClass, code, `${where.operation} ${where.path}: ${describe(cause)}`, {
    ...(hint === undefined ? {} : { hint }),
    cause,
    details: { errno, path: where.path },
  });
}

/**
 * Refusals that are never our mistake: the machine has no more of something, or a disk does not work. Node has no names for
 * some numbers, such as that of ENOLCK; none of those comes from a mistake of ours either.
 */
const refusals: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE', 'ENOMEM', 'ENOLCK', 'EAGAIN', 'EACCES', 'EPERM']);

/**
 * The error for a system error that nobody has said more about: what the machine refused, with its system call for the
 * operation. Everything else is returned as it is; what no machine can be blamed for stays a bug.
 * Codes: those of `diskError`, and `MACHINE_REFUSED`.
 */
export function machineError(cause: unknown): unknown {
  const errno = errnoCode(cause);
  if (cause instanceof TsbuildError || errno === undefined || !isSystemError(cause) || !(refusals.has(errno) || errno.startsWith('Unknown system error'))) return cause;
  const operation = 'syscall' in cause && typeof cause.syscall === 'string' ? cause.syscall : 'system call';
  const path = 'path' in cause && typeof cause.path === 'string' ? cause.path : '';
  const { code, hint } = adviceFor(errno, { operation, path, owner: 'output' });
  return new TsbuildError('machine', code === 'OUTPUT_IO' ? 'MACHINE_REFUSED' : code.replace('OUTPUT_', 'DISK_'), `${operation} ${path === '' ? 'descriptor' : path}: ${describe(cause)}`, {
    ...(hint === undefined || errno === 'EROFS' ? {} : { hint }),
    cause,
    details: { errno, path },
  });
}

function isSystemError(cause: unknown): cause is Error & { readonly errno: number } {
  return cause instanceof Error && 'errno' in cause && typeof cause.errno === 'number';
}

function describe(cause: Error & { readonly errno: number }): string {
  return getSystemErrorMap().get(cause.errno)?.[1] ?? messageOf(cause);
}

function adviceFor(errno: string, { owner, path }: DiskOperation): Advice {
  const name = owner === 'store' ? 'STORE' : 'OUTPUT';
  switch (errno) {
    case 'ENOSPC':
    case 'EDQUOT':
      return { errorClass: 'machine', code: 'DISK_FULL', hint: fullHint(owner) };
    case 'EROFS':
      return { errorClass: 'machine', code: `${name}_READ_ONLY`, hint: elsewhereHint(owner) };
    case 'EACCES':
    case 'EPERM':
      return { errorClass: 'machine', code: `${name}_DENIED`, hint: `Check who owns ${path} and its folders. ${elsewhereHint(owner)}` };
    case 'EMFILE':
    case 'ENFILE':
      return { errorClass: 'machine', code: 'TOO_MANY_OPEN_FILES', hint: 'Raise the limit of open files: ulimit -n 65536.' };
    case 'EIO':
      return { errorClass: 'machine', code: 'DISK_BROKEN', hint: 'The disk reported a read or write error; see the kernel log.' };
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EISDIR':
    case 'ELOOP':
    case 'ENAMETOOLONG':
      return owner === 'output' ? { errorClass: 'usage', code: 'OUTPUT_INVALID' } : { errorClass: 'machine', code: 'STORE_IO' };
    default:
      return { errorClass: 'machine', code: `${name}_IO` };
  }
}

function fullHint(owner: DiskOperation['owner']): string {
  return owner === 'store'
    ? 'Free space with `tsbuild prune`, or set TSBUILD_ROOT to a larger disk.'
    : 'Free space there, or write the output to a larger disk.';
}

function elsewhereHint(owner: DiskOperation['owner']): string {
  return owner === 'store' ? 'Set TSBUILD_ROOT to a folder that you may write to.' : 'Name a destination that you may write to.';
}
