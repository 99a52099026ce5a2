/**
 * Tells mounts that cannot be, because a path of the Dockerfile leads nowhere or into the wrong thing, from a sandbox
 * that cannot be made. It decides by the operation that failed and by errno.
 */
import { TsbuildError } from '../base/errors.ts';
import type { Operation } from './operation.ts';
import type { StepMount } from './step.ts';

const mounting: readonly Operation['operation'][] = ['bind', 'mount', 'place copy', 'place directory', 'place file', 'lend'];
const missing: readonly unknown[] = ['ENOENT', 'ENOTDIR', 'ELOOP'];

/**
 * The error to throw for a failure of the sandbox: `MOUNT_SOURCE_MISSING` or `MOUNT_TARGET` of class usage where a mount
 * that was asked for is the cause, else the failure itself.
 */
export function explainMountFailure(reason: TsbuildError, operations: readonly Operation[], mounts: readonly StepMount[]): TsbuildError {
  const { index, errno, path } = reason.details;
  const operation = typeof index === 'number' ? operations[index] : undefined;
  if (operation === undefined || !('at' in operation) || !mounting.includes(operation.operation)) return reason;
  const target = operation.at?.path;
  const mount = mounts.find((candidate) => candidate.target === target);
  if (operation.at?.in !== 'root' || mount === undefined) return reason;
  if ('source' in mount && path === mount.source && missing.includes(errno)) return sourceMissing(mount.source, mount.target, reason);
  return path === target ? targetUnfit(mount.target, errno, reason) : reason;
}

function sourceMissing(source: string, target: string, cause: TsbuildError): TsbuildError {
  return new TsbuildError('usage', 'MOUNT_SOURCE_MISSING', `mount ${target}: ${source}: not found in what is mounted`, {
    hint: 'The source is looked up from the root of the stage, image or cache; links lead no further than that.',
    cause,
  });
}

const reasons: Readonly<Record<string, string>> = {
  EISDIR: 'a file cannot be mounted over a directory',
  ENOTDIR: 'a directory cannot be mounted over a file, or below one',
  EBUSY: 'nothing can be mounted over the root',
  EPERM: '/proc and /sys take no mounts',
  EROFS: 'it is not there and cannot be made: /proc and /sys take no mounts',
  ENOENT: 'it is not there and cannot be made: /proc and /sys take no mounts',
  ELOOP: 'its links lead round in a circle, or through links of /proc that are none',
};

function targetUnfit(target: string, errno: unknown, cause: TsbuildError): TsbuildError {
  const why = reasons[String(errno)];
  if (why === undefined) return cause;
  return new TsbuildError('usage', 'MOUNT_TARGET', `mount ${target}: ${why}`, { hint: 'Give the mount another target.', cause });
}
