/**
 * Moves bytes between descriptors on a thread of the addon (addon/pump.cc) and digests them on the way.
 * It does not know what the bytes are.
 */
import { loadAddon } from '../native/addon.ts';

/** What `addon/pump.cc` exports. */
interface PumpAddon {
  startPump(fromFd: number, toFd: number, sizeMax: number): { readonly done: Promise<Pumped>; readonly cancel: () => void };
}

/** What passed through. */
export interface Pumped {
  /** Hex form. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface PumpOptions {
  /** More than this ends it with `EFBIG`. */
  readonly sizeMax?: number;
  /** Ends it at the next block. A write that hangs ends when the other end of its pipe closes. */
  readonly signal?: AbortSignal;
}

/**
 * Reads `fromFd` from its current offset to its end and writes all of it to `toFd`; null only digests.
 * Both are duplicated: the caller closes its own, and may do so as soon as this returned the promise.
 * @throws Error with `code` (`ENOSPC`, `EPIPE`, `EFBIG` …), `errno` and `syscall`; the signal's reason when it aborts
 */
export async function pump(fromFd: number, toFd: number | null, options: PumpOptions = {}): Promise<Pumped> {
  const { signal, sizeMax = Number.MAX_SAFE_INTEGER } = options;
  signal?.throwIfAborted();
  const { done, cancel } = loadAddon<PumpAddon>().startPump(fromFd, toFd ?? -1, sizeMax);
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    return await done;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}
