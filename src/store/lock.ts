/**
 * What the store needs of kernel locks (flock(2)): they end with the process that holds them, also when it is killed.
 * The locks themselves are made in `native/`; they come in as a parameter, because a folder has no help from a sibling.
 */
import { diskError } from './disk-error.ts';

/** A lock that is held. Releasing it closes its descriptor. */
export interface HeldLock {
  release(): Promise<void>;
}

export interface LockRequest {
  /** Many may hold a shared lock, one an exclusive one. */
  readonly mode: 'shared' | 'exclusive';
  /** Whether to wait for other holders; if not, null says that there is one. */
  readonly wait: boolean;
}

/**
 * Takes a lock on a file, which is made (mode 0600) if it is not there. Two locks on one file exclude each other within
 * one process as well. Waiting must not block the event loop. A lock on a file that lost its name meanwhile is not
 * returned: without `wait` that is a null.
 */
export type TakeLock = (path: string, request: LockRequest) => Promise<HeldLock | null>;

/** A file that many pass at once and one can close for all others. */
export interface Gate {
  /**
   * Does a little synchronous work that nobody who closed the gate may see half done. It waits while somebody has.
   * @throws TsbuildError `STORE_BUSY` when the gate stays closed for long
   */
  pass(work: () => void): void;
  /** Waits until nobody passes, then does synchronous work while nobody can. */
  closed<Result>(work: () => Result): Promise<Result>;
  release(): void;
}

/** Opens the gate that a file is; the file is made. */
export type OpenGate = (path: string) => Gate;

/** Runs the work alone among all processes that ask for the same file. */
export async function withLock<Result>(take: TakeLock, path: string, work: () => Promise<Result>): Promise<Result> {
  const held = await take(path, { mode: 'exclusive', wait: true }).catch((error: unknown) => {
    throw diskError(error, { operation: 'lock', path, owner: 'store' });
  });
  try {
    return await work();
  } finally {
    await held?.release();
  }
}
