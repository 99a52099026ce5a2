/**
 * Locks between processes, on files. The kernel lets go of them when their holder ends, also by SIGKILL.
 * They are advisory, and they do not make a file appear or vanish by themselves. What never waits is asked of the kernel at
 * once: the way through the thread pool costs more.
 *
 * A file has two bytes that count: the lock itself, and the turn. Who waits takes the turn first and keeps it until it has
 * the lock; the others wait for the turn. So one who wants the lock alone is not passed for ever by those who share it.
 */
import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
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
    const lock = await openLock(path, async (fd, tryByte) => {
      while (!tryByte(turnByte, false)) await pause(signal);
      while (!tryByte(lockByte, shared)) await pause(signal);
      loadAddon().unlock(fd, turnByte);
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
  return openLock(path, (_fd, tryByte) => tryByte(lockByte, shared));
}

/**
 * Waits until nobody has the lock exclusively, and takes nothing: for who then looks what the holder has left. A file that
 * is not there is free.
 * @throws TsbuildError `LOCK_FAILED`; the system's error where the disk refuses the file; the signal's reason when it aborts
 */
export async function waitUntilFree(path: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const fd = openIfThere(path);
  if (fd === null) return;
  try {
    while (!tryByteOf(fd, path)(lockByte, true)) await pause(signal);
  } finally {
    closeSync(fd);
  }
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
    fd ??= openFile(path, constants.O_CREAT);
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

function tryByteOf(fd: number, path: string): TryByte {
  return (byte, shared) => {
    try {
      return loadAddon().tryLock(fd, byte, shared);
    } catch (cause) {
      throw failed(path, cause);
    }
  };
}

/** Null, and nothing held, when `take` did not take it, or when the file was removed meanwhile. */
async function openLock(path: string, take: (fd: number, tryByte: TryByte) => boolean | Promise<boolean>): Promise<Lock | null> {
  const fd = openFile(path, constants.O_CREAT);
  let isHeld = false;
  try {
    isHeld = (await take(fd, tryByteOf(fd, path))) && isStillNamed(fd, path);
  } finally {
    if (!isHeld) closeSync(fd);
  }
  return isHeld ? heldLock(fd) : null;
}

/** Released again it does nothing: the descriptor's number may have another file by then. */
function heldLock(fd: number): Lock {
  let isHeld = true;
  const release = (): void => {
    if (isHeld) closeSync(fd);
    isHeld = false;
  };
  return { release: () => new Promise((resolve) => resolve(release())) };
}

function openFile(path: string, creating: number): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_NOFOLLOW | creating, 0o600);
  } catch (cause) {
    throw unopened(path, cause);
  }
}

function openIfThere(path: string): number | null {
  try {
    return openFile(path, 0);
  } catch (error) {
    if (error instanceof TsbuildError && errnoCode(error.cause) === 'ENOENT') return null;
    throw error;
  }
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
function isStillNamed(fd: number, path: string): boolean {
  try {
    const held = fstatSync(fd, { bigint: true });
    const named = statSync(path, { bigint: true, throwIfNoEntry: false });
    return named !== undefined && named.ino === held.ino && named.dev === held.dev;
  } catch (error) {
    throw failed(path, error);
  }
}
