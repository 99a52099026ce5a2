/** What the live view knows about a build: little more than what is on the screen. Start at `TtyModel`. */
import { unreachable } from '../../base/errors.ts';
import type { BuildEvent, StepDescription } from '../../base/events.ts';
import { LineSplitter } from '../text/lines.ts';
import { cleanLine, showControls } from '../text/sanitize.ts';
import { formatNotice } from './notice.ts';

/** The lines of output under a running step, where the user does not say. */
export const tailLinesDefault = 6;
const notesMax = 3;
const rateEveryMs = 1000;

export type StepState = 'running' | 'done' | 'cached' | 'failed' | 'canceled';

/** A download or another long piece of work. */
export interface TransferView {
  readonly item: string;
  readonly startMs: number;
  currentBytes: number;
  totalBytes: number | undefined;
  /** Bytes a second, over the last second; 0 while unknown. */
  rate: number;
  markMs: number;
  markBytes: number;
}

export interface StepView {
  readonly name: string;
  readonly startMs: number;
  state: StepState;
  durationMs: number;
  /** When it said something last, so that the screen goes to the busiest. */
  activeMs: number;
  readonly notes: string[];
  /** Empty unless it runs. */
  readonly transfers: Map<string, TransferView>;
  output: { readonly stdout: LineSplitter; readonly stderr: LineSplitter; lines: string[]; readonly linesMax: number } | null;
}

export class TtyModel {
  /** In the order in which they started. */
  readonly steps = new Map<number, StepView>();
  readonly notices: string[] = [];
  startMs: number | null = null;
  endMs: number | null = null;
  readonly #tailLinesMax: number;
  #planned = new Set<number>();

  constructor(tailLinesMax = tailLinesDefault) {
    this.#tailLinesMax = tailLinesMax;
  }

  /** How many steps there are, as far as it is known. */
  get stepCount(): number {
    return this.#planned.size;
  }

  get finishedCount(): number {
    return [...this.steps.values()].filter((step) => step.state !== 'running').length;
  }

  apply(event: BuildEvent): void {
    this.startMs ??= event.timeMs;
    switch (event.type) {
      case 'build-started':
        this.#planned = new Set([...this.#planned, ...event.steps.map((step) => step.id)]);
        return;
      case 'build-done':
        this.endMs = event.timeMs;
        return;
      case 'notice':
        // What is listed at the end anyway would stand there twice.
        if (event.check === undefined && event.isRepeated !== true) this.notices.push(formatNotice(event));
        return;
      case 'step-started':
        this.#start(event.step, event.timeMs);
        return;
      case 'step-log':
      case 'step-progress':
      case 'step-note':
        this.#report(event);
        return;
      case 'step-done':
        this.#end(event.id, event.cached ? 'cached' : 'done', event.durationMs);
        return;
      case 'step-failed':
        this.#end(event.id, 'failed', event.durationMs);
        return;
      case 'step-canceled':
        this.#end(event.id, 'canceled', event.timeMs - (this.steps.get(event.id)?.startMs ?? event.timeMs));
        return;
      default:
        unreachable(event);
    }
  }

  #start(description: StepDescription, timeMs: number): void {
    this.#planned.add(description.id);
    this.steps.set(description.id, {
      name: showControls(description.name), startMs: timeMs, state: 'running', durationMs: 0, activeMs: timeMs, notes: [],
      transfers: new Map(), output: { stdout: new LineSplitter(), stderr: new LineSplitter(), lines: [], linesMax: this.#tailLinesMax },
    });
  }

  #report(event: Extract<BuildEvent, { type: 'step-log' | 'step-progress' | 'step-note' }>): void {
    const step = this.steps.get(event.id);
    if (step === undefined || step.output === null) return;
    step.activeMs = event.timeMs;
    if (event.type === 'step-log') {
      const lines = step.output[event.stream].push(event.text);
      if (lines.length > 0) step.output.lines = [...step.output.lines, ...lines.slice(-this.#tailLinesMax)].slice(-this.#tailLinesMax);
    } else if (event.type === 'step-note') {
      step.notes.push(showControls(event.text));
      if (step.notes.length > notesMax) step.notes.shift();
    } else if (event.done) {
      step.transfers.delete(event.item);
    } else {
      updateTransfer(step.transfers, event);
    }
  }

  #end(id: number, state: StepState, durationMs: number): void {
    const step = this.steps.get(id);
    if (step === undefined) return;
    Object.assign(step, { state, durationMs, output: null });
    step.transfers.clear();
  }
}

function updateTransfer(transfers: Map<string, TransferView>, event: Extract<BuildEvent, { type: 'step-progress' }>): void {
  const { item, timeMs, currentBytes, totalBytes } = event;
  const known = transfers.get(item);
  if (known === undefined) {
    transfers.set(item, { item: showControls(item), startMs: timeMs, currentBytes, totalBytes, rate: 0, markMs: timeMs, markBytes: currentBytes });
    return;
  }
  Object.assign(known, { currentBytes, totalBytes });
  const elapsedMs = timeMs - known.markMs;
  if (elapsedMs < rateEveryMs) return;
  Object.assign(known, { rate: ((currentBytes - known.markBytes) * 1000) / elapsedMs, markMs: timeMs, markBytes: currentBytes });
}

/** The last lines of a running step, the unfinished one included, harmless and not yet cut to the width. */
export function tailOf(step: StepView): readonly string[] {
  if (step.output === null) return [];
  const partials = [step.output.stdout.partial, step.output.stderr.partial].filter((line) => line !== '');
  return [...step.output.lines, ...partials].map(cleanLine).filter((line) => line.trim() !== '').slice(-step.output.linesMax);
}
