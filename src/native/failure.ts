/**
 * Turns a Failed frame of the sandbox process into the error that a user reads. It decides nothing else.
 */
import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import { TsbuildError } from '../base/errors.ts';
import type { FrameReader } from './encoding.ts';
import { callerName, subordinateHint, type UserNamespace } from './user-namespace.ts';

/** The fields of a Failed frame (addon/sandbox/job.h). `syscall` is empty where a job refused by itself. */
export interface Failure {
  readonly index: number;
  readonly errno: string;
  readonly operation: string;
  readonly syscall: string;
  readonly path: string;
  readonly detail: string;
}

/** Reads the body of a Failed frame. */
export function readFailure(body: FrameReader): Failure {
  const index = body.u16();
  const errno = errnoName(body.u32());
  return { index, errno, operation: body.string(), syscall: body.string(), path: body.string(), detail: body.string() };
}

/** The name of an error number, such as `ENOENT`. */
export function errnoName(errno: number): string {
  const entry = Object.entries(constants.errno).find(([, value]) => value === errno);
  return entry?.[0] ?? `errno ${errno}`;
}

/** The calls that answer EINVAL for an id that the user namespace does not have. */
const ownerCalls: readonly string[] = ['fchown', 'fchownat', 'setresuid', 'setresgid', 'setgroups'];

function idError(what: string, failure: Failure, userNamespace: UserNamespace): TsbuildError {
  const count = userNamespace.uids.reduce((sum, range) => sum + range.count, 0);
  const operand = [failure.path === '' ? '' : JSON.stringify(failure.path), failure.detail].filter((part) => part !== '').join(': ');
  return new TsbuildError('machine', 'IDS_MISSING', `${what}: ${operand}: an id that this build does not have; it has ${count === 1 ? 'only one, 0' : `${count}`}`, {
    hint: count === 1 ? subordinateHint(callerName()) : 'Give the user more subordinate ids in /etc/subuid and /etc/subgid, or build as root.',
    details: { ...failure },
  });
}

const diskErrors: readonly string[] = ['ENOSPC', 'EDQUOT'];

/** The error for a failed job: what it was for, on what it failed, and why, in this order. */
export function failureError(what: string, failure: Failure, userNamespace: UserNamespace | null = null): TsbuildError {
  if (userNamespace !== null && failure.errno === 'EINVAL' && ownerCalls.includes(failure.syscall)) return idError(what, failure, userNamespace);
  const full = diskErrors.includes(failure.errno);
  return new TsbuildError('machine', full ? 'DISK_FULL' : 'SANDBOX_FAILED', describe(what, failure), {
    ...(full ? { hint: 'Free space on this file system, for instance with "tsbuild prune".' } : {}),
    details: { ...failure },
  });
}

/** The error for a sandbox process that cannot be made. */
export function startFailureError(failure: Failure): TsbuildError {
  const error = failureError('start', failure);
  if (!['EPERM', 'EACCES', 'ENOSPC', 'EUSERS'].includes(failure.errno)) return error;
  const hint = failure.syscall.startsWith('new')
    ? `The maps of ids were refused: compare /etc/subuid and /etc/subgid, and see that ${failure.syscall} is set-user-ID root.`
    : 'tsbuild needs root, or user namespaces: sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns; in a container also its seccomp profile. "tsbuild doctor" says what is missing.';
  return new TsbuildError(error.errorClass, error.code, error.message, { hint, details: error.details });
}

/** A job that ended without a word was killed, by the kernel's out-of-memory killer or by somebody on this machine. */
export function silentDeathError(what: string, exited: FrameReader): TsbuildError {
  const exitCode = exited.u32();
  const signal = exited.u32();
  const end = signal === 0 ? `exit code ${exitCode}` : `signal ${signal}`;
  return new TsbuildError('machine', 'SANDBOX_FAILED', `${what}: its process ended without an answer (${end})`, {
    hint: signal === 9 ? 'It may have been killed because this machine ran out of memory.' : 'This is a bug in tsbuild. Please report it.',
    details: { exitCode, signal },
  });
}

function describe(what: string, failure: Failure): string {
  const operand = [failure.operation, failure.path === '' ? '' : JSON.stringify(failure.path)].filter((part) => part !== '').join(' ');
  if (failure.syscall === '' && failure.detail !== '') return `${what}: ${operand}: ${failure.detail}`;
  const cause = `${failure.errno}: ${errnoText(failure.errno)}${failure.syscall === '' ? '' : `, ${failure.syscall}`}`;
  return `${what}: ${operand}: ${cause}${failure.detail === '' ? '' : ` (${failure.detail})`}`;
}

function errnoText(name: string): string {
  for (const [candidate, message] of getSystemErrorMap().values()) {
    if (candidate === name) return message;
  }
  return 'unknown error';
}
