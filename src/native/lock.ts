/**
 * Locks between processes, on files. The kernel lets go of them when their holder ends, also by SIGKILL.
 * They are advisory, and they do not make a file appear or vanish by themselves.
 */
import { open, stat, type FileHandle } from 'node:fs/promises';
import { constants } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoCode, messageOf, TsbuildError } from '../base/errors.ts';
import { loadAddon } from './addon.ts';

export interface LockOptions {
  /** Several holders may share it; nobody else has it exclusively meanwhile. */
  readonly shared: boolean;
  /** Gives up waiting. */
  readonly signal?: AbortSignal;
}

/** A lock that is held until it is released. */
export interface Lock {
  release(): Promise<void>;
}

const waitMsMin = 1;
const waitMsMax = 50;

/**
 * Waits for a lock on the file, which is made if it is missing. It asks again after 1 to 50 ms rather than blocking a
 * thread in flock(2): those of libuv's pool are four, and four waiters would stop every other file operation.
 * @throws TsbuildError `LOCK_FAILED`; the signal's reason when it aborts
 */
export async function acquireLock(path: string, options: LockOptions): Promise<Lock> {
  for (let waitMs = waitMsMin; ; waitMs = Math.min(waitMs * 2, waitMsMax)) {
    options.signal?.throwIfAborted();
    const lock = await tryLock(path, options.shared);
    if (lock !== null) return lock;
    await sleep(waitMs, undefined, options.signal === undefined ? {} : { signal: options.signal }).catch((error: unknown) => {
      options.signal?.throwIfAborted();
      throw error;
    });
  }
}

/**
 * Takes the lock if nobody is in the way, else returns null.
 * @throws TsbuildError `LOCK_FAILED`
 */
export async function tryLock(path: string, shared: boolean): Promise<Lock | null> {
  try {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    try {
      if (loadAddon().tryLock(file.fd, shared) && (await isStillNamed(file, path))) return { release: () => file.close() };
    } catch (error) {
      await file.close();
      throw error;
    }
    await file.close();
    return null;
  } catch (cause) {
    if (cause instanceof TsbuildError) throw cause;
    throw new TsbuildError('machine', 'LOCK_FAILED', `lock ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** Whether the locked file is the one that others will find: somebody may have removed it in between. */
async function isStillNamed(file: FileHandle, path: string): Promise<boolean> {
  const held = await file.stat({ bigint: true });
  try {
    const named = await stat(path, { bigint: true });
    return named.ino === held.ino && named.dev === held.dev;
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return false;
    throw error;
  }
}
