/**
 * Locks between processes, on files. The kernel lets go of them when their holder ends, also by SIGKILL.
 * They are advisory, and they do not make a file appear or vanish by themselves.
 *
 * A file has two bytes that count: the lock itself, and the turn. Who waits takes the turn first and keeps it until it has
 * the lock; the others wait for the turn. So one who wants the lock alone is not passed for ever by those who share it.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoCode, messageOf, TsbuildError } from '../base/errors.ts';
import { releasing, undo } from '../base/releasing.ts';
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

const turnByte = 0;
const lockByte = 1;

/**
 * How often a waiter asks again. It does not block a thread in the kernel: that of a waiter who gives up could not be
 * freed but by a signal.
 */
const waitMs = 10;

/**
 * Waits for a lock on the file, which is made if it is missing.
 * @throws TsbuildError `LOCK_FAILED`; the system's error where the disk refuses the file; the signal's reason when it aborts
 */
export async function acquireLock(path: string, { shared, signal }: LockOptions): Promise<Lock> {
  for (;;) {
    signal?.throwIfAborted();
    const lock = await openLock(path, async (file, tryByte) => {
      while (!tryByte(turnByte, false)) await pause(signal);
      while (!tryByte(lockByte, shared)) await pause(signal);
      loadAddon().unlock(file.fd, turnByte);
      return true;
    });
    if (lock !== null) return lock;
  }
}

/**
 * Takes the lock if nobody holds it, else returns null.
 * @throws TsbuildError `LOCK_FAILED`; the system's error where the disk refuses the file
 */
export async function tryLock(path: string, shared: boolean): Promise<Lock | null> {
  return openLock(path, (_file, tryByte) => Promise.resolve(tryByte(lockByte, shared)));
}

/**
 * Waits until nobody has the lock exclusively, and takes nothing: for who then looks what the holder has left. A file that
 * is not there is free.
 * @throws TsbuildError `LOCK_FAILED`; the system's error where the disk refuses the file; the signal's reason when it aborts
 */
export async function waitUntilFree(path: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW).catch((cause: unknown) => {
    if (errnoCode(cause) === 'ENOENT') return null;
    throw unopened(path, cause);
  });
  if (file === null) return;
  await releasing(async () => {
    while (!tryByteOf(file, path)(lockByte, true)) await pause(signal);
  }, () => file.close());
}

/** How long one waits at a closed gate: who closes it works for a fraction of a second, unless it was stopped. */
const gateWaitMsMax = 60_000;
const gatePauseMs = 2;

/** A file with the lock of `acquireLock`, kept open: to share it for a moment costs two system calls. It is never removed. */
export interface SharedGate {
  /**
   * Does the work while nobody has the lock exclusively. It blocks this thread meanwhile.
   * @throws TsbuildError `STORE_BUSY`, `LOCK_FAILED`
   */
  pass(work: () => void): void;
  /**
   * Does the work while this process alone has the lock. Synchronous, because who passes blocks the thread: within one
   * process they would wait for each other.
   */
  closed<Result>(work: () => Result): Promise<Result>;
  release(): void;
}

/** Opens the gate at the first use. */
export function openGate(path: string): SharedGate {
  let fd: number | null = null;
  const tryGate = (shared: boolean): boolean => {
    try {
      fd ??= openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    } catch (cause) {
      throw unopened(path, cause);
    }
    try {
      return loadAddon().tryLock(fd, lockByte, shared);
    } catch (cause) {
      throw failed(path, cause);
    }
  };
  const unlock = (): void => {
    try {
      if (fd !== null) loadAddon().unlock(fd, lockByte);
    } catch (cause) {
      throw failed(path, cause);
    }
  };
  const whileHeld = <Result>(work: () => Result): Result => {
    try {
      return work();
    } finally {
      unlock();
    }
  };
  return {
    pass: (work) => {
      for (let waitedMs = 0; !tryGate(true); waitedMs += gatePauseMs) {
        if (waitedMs >= gateWaitMsMax) throw gateClosed(path);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, gatePauseMs);
      }
      whileHeld(work);
    },
    closed: async (work) => {
      while (!tryGate(false)) await sleep(gatePauseMs);
      return whileHeld(work);
    },
    release: () => {
      if (fd !== null) closeSync(fd);
      fd = null;
    },
  };
}

function gateClosed(path: string): TsbuildError {
  return new TsbuildError('machine', 'STORE_BUSY', `lock ${path}: another process has removed things from the store for more than ${gateWaitMsMax / 1000} seconds`, {
    hint: 'Look whether a `tsbuild prune` was stopped (Ctrl-Z), and let it go on or end it.',
  });
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  await sleep(waitMs, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error;
  });
}

/** Whether a byte of the open file could be locked. */
type TryByte = (byte: number, shared: boolean) => boolean;

function tryByteOf(file: FileHandle, path: string): TryByte {
  return (byte, shared) => {
    try {
      return loadAddon().tryLock(file.fd, byte, shared);
    } catch (cause) {
      throw failed(path, cause);
    }
  };
}

/** Null, and nothing held, when `take` did not take it, or when the file was removed meanwhile. */
async function openLock(path: string, take: (file: FileHandle, tryByte: TryByte) => Promise<boolean>): Promise<Lock | null> {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600).catch((cause: unknown) => {
    throw unopened(path, cause);
  });
  try {
    if ((await take(file, tryByteOf(file, path))) && (await isStillNamed(file, path))) return { release: () => file.close() };
  } catch (error) {
    throw await undo(error, () => file.close());
  }
  await file.close();
  return null;
}

/** What whoever owns the file can say more about. */
const diskRefusals = new Set(['EROFS', 'ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE', 'EACCES', 'EPERM']);

function unopened(path: string, cause: unknown): unknown {
  return diskRefusals.has(errnoCode(cause) ?? '') ? cause : failed(path, cause);
}

function failed(path: string, cause: unknown): TsbuildError {
  return new TsbuildError('machine', 'LOCK_FAILED', `lock ${path}: ${messageOf(cause)}`, { cause });
}

/** Whether the locked file is the one that others will find: somebody may have removed it in between. */
async function isStillNamed(file: FileHandle, path: string): Promise<boolean> {
  try {
    const [held, named] = await Promise.all([file.stat({ bigint: true }), stat(path, { bigint: true })]);
    return named.ino === held.ino && named.dev === held.dev;
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return false;
    throw failed(path, error);
  }
}
