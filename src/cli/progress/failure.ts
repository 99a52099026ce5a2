/** Remembers what the error message of a failing build needs: the last lines of each running step. */
import type { BuildEvent } from '../../base/events.ts';
import { LineSplitter } from '../text/lines.ts';
import { cleanLine } from '../text/sanitize.ts';

/** How much of a failing step's output is shown again, below which its whole log is named. */
export const tailLinesMax = 20;
const tailLineLengthMax = 2000;

/** The step that made the build fail. */
export interface FailedStep {
  readonly name: string;
  /** Harmless for terminals; at most `tailLinesMax`. */
  readonly lines: readonly string[];
  readonly logPath: string | null;
}

interface Tail {
  readonly name: string;
  readonly splitters: { readonly stdout: LineSplitter; readonly stderr: LineSplitter };
  lines: string[];
}

/** Watches a build. Its memory is bounded by the number of steps that run at once. */
export class FailureWatch {
  readonly #tails = new Map<number, Tail>();
  #failed: FailedStep | null = null;

  /** The first step that failed; null while none has. */
  get failed(): FailedStep | null {
    return this.#failed;
  }

  handle(event: BuildEvent): void {
    if (event.type === 'step-started') {
      this.#tails.set(event.step.id, { name: event.step.name, splitters: { stdout: new LineSplitter(), stderr: new LineSplitter() }, lines: [] });
    } else if (event.type === 'step-log') {
      const tail = this.#tails.get(event.id);
      if (tail !== undefined) keep(tail, tail.splitters[event.stream].push(event.text));
    } else if (event.type === 'step-failed') {
      const tail = this.#tails.get(event.id);
      if (tail !== undefined) this.#failed ??= failedStep(tail, event.logPath);
      this.#tails.delete(event.id);
    } else if (event.type === 'step-done' || event.type === 'step-canceled') {
      this.#tails.delete(event.id);
    }
  }
}

function keep(tail: Tail, lines: readonly string[]): void {
  if (lines.length === 0) return;
  tail.lines = [...tail.lines, ...lines.slice(-tailLinesMax)].slice(-tailLinesMax);
}

function failedStep(tail: Tail, logPath: string | undefined): FailedStep {
  keep(tail, [...tail.splitters.stdout.flush(), ...tail.splitters.stderr.flush()]);
  const lines = tail.lines.map((line) => {
    const clean = cleanLine(line);
    return clean.length <= tailLineLengthMax ? clean : `${clean.slice(0, tailLineLengthMax)}…`;
  });
  return { name: tail.name, lines, logPath: logPath ?? null };
}
