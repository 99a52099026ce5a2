/** Tells what a container lacks for steps without namespaces from other failures: by the operation that failed and by errno. */
import { TsbuildError } from '../base/errors.ts';
import type { Operation } from './operation.ts';

interface Lack {
  readonly operation: Operation['operation'];
  readonly errno: readonly string[];
  readonly why: string;
  readonly hint: string;
}

const capability = (name: string): string => `Start the container with ${name}, which Docker and Podman give by default.`;

const lacks: readonly Lack[] = [
  { operation: 'make device', errno: ['EPERM'], why: 'this process may make no devices', hint: capability('CAP_MKNOD') },
  { operation: 'change root', errno: ['EPERM'], why: 'this process may not change its root', hint: capability('CAP_SYS_CHROOT') },
  { operation: 'drop bounding capabilities', errno: ['EPERM'], why: 'this process may not give up capabilities', hint: capability('CAP_SETPCAP') },
  { operation: 'connect output', errno: ['EACCES', 'EPERM'], why: 'devices cannot be opened on the file system of the store', hint: 'Put the store on one that is not mounted nodev, with --store or $TSBUILD_ROOT.' },
  { operation: 'lend', errno: ['EXDEV'], why: 'what is mounted lies on another file system than the store', hint: 'Keep the whole store on one file system.' },
];

/** `ISOLATION_UNABLE` where the container is the cause, else the failure itself. */
export function explainChrootFailure(reason: TsbuildError, operations: readonly Operation[]): TsbuildError {
  const { index, errno } = reason.details;
  const operation = typeof index === 'number' ? operations[index]?.operation : undefined;
  const lack = lacks.find((candidate) => candidate.operation === operation && candidate.errno.includes(String(errno)));
  if (lack === undefined) return reason;
  return new TsbuildError('machine', 'ISOLATION_UNABLE', `run step: ${lack.operation}: ${lack.why}`, { hint: `${lack.hint} "tsbuild doctor" says what else is missing.`, cause: reason });
}
