/**
 * Ctrl-C and its relatives: the first aborts, every further one only says that cleaning up is under way, because a
 * builder that dies half-way leaves mounts behind.
 */
import { TsbuildError } from '../base/errors.ts';
import type { CliIo, Interruption } from './io.ts';

export interface InterruptionWatch {
  readonly signal: AbortSignal;
  /** Stops watching. */
  stop(): void;
}

/** Turns the first interruption into an abort. `tell` is called for each, with a line for people. */
export function watchInterruptions(io: CliIo, tell: (code: string, text: string) => void): InterruptionWatch {
  const controller = new AbortController();
  const stop = io.onInterruption((what) => {
    if (controller.signal.aborted) {
      tell('CLEANING_UP', 'still cleaning up; nothing must be left behind');
      return;
    }
    tell('STOPPING', `stopping: ${reasons[what]}`);
    controller.abort(new TsbuildError('interrupted', 'INTERRUPTED', `interrupted: ${reasons[what]}`, { details: { interruption: what } }));
  });
  return { signal: controller.signal, stop };
}

const reasons: Readonly<Record<Interruption, string>> = {
  SIGINT: 'SIGINT (Ctrl-C)',
  SIGTERM: 'SIGTERM',
  SIGHUP: 'SIGHUP, the terminal went away',
  OUTPUT_CLOSED: 'nobody reads the output any more',
};

/**
 * The error to show after an interruption: the interruption itself. What else was thrown becomes its cause, unless it is
 * only an echo of the abort.
 */
export function interruptedError(signal: AbortSignal, thrown: unknown): unknown {
  const reason: unknown = signal.reason;
  if (!signal.aborted || !(reason instanceof TsbuildError)) return thrown;
  const echo = thrown instanceof TsbuildError ? thrown.errorClass === 'interrupted' : thrown instanceof Error && thrown.name === 'AbortError';
  if (thrown === reason || echo) return reason;
  return new TsbuildError('interrupted', reason.code, reason.message, { details: reason.details, cause: thrown });
}
