/**
 * The `plain` renderer: BuildKit's line format, for logs and pipes. One line a line, every line with its step's number,
 * never clipped, no colour, nothing that a terminal would obey.
 * Steps that run at once take turns: the one on screen keeps it while it has something to say, others wait a little.
 */
import { unreachable } from '../../base/errors.ts';
import type { BuildEvent, StepDescription } from '../../base/events.ts';
import { showControls } from '../text/sanitize.ts';
import { formatSeconds } from '../text/units.ts';
import { formatNotice } from './notice.ts';
import { PlainStep } from './plain-step.ts';
import type { Now, Renderer } from './renderer.ts';

/** A step that waits longer than this gets the screen, even if the one before it is still talking. */
const turnMsMax = 2000;
/** A step that was silent for so long gives the screen away at once. */
const silenceMs = 500;
/** What may wait for its turn, per step. UTF-16 units. */
const waitingLengthMax = 65_536;

export class PlainRenderer implements Renderer {
  readonly #steps = new Map<number, PlainStep>();
  readonly #write: (text: string) => void;
  readonly #now: Now;
  #current: PlainStep | null = null;
  #lastOutputMs = 0;
  #out = '';
  #first = true;

  constructor(write: (text: string) => void, now: Now) {
    this.#write = write;
    this.#now = now;
  }

  handle(event: BuildEvent): void {
    this.#apply(event);
    this.#send();
  }

  tick(): void {
    const oldest = this.#longestWaiting();
    if (oldest !== null && this.#now() - (oldest.waitingSinceMs ?? 0) >= turnMsMax) this.#show(oldest);
    this.#send();
  }

  finish(): void {
    for (const step of this.#steps.values()) {
      step.endLines(this.#now());
      if (step.hasLines) this.#show(step);
    }
    this.#send();
  }

  #apply(event: BuildEvent): void {
    switch (event.type) {
      case 'build-started':
      case 'build-done':
        return;
      case 'notice':
        this.#interrupt(formatNotice(event));
        return;
      case 'step-started':
        this.#offer(this.#open(event.step, event.timeMs));
        return;
      case 'step-log':
      case 'step-progress':
      case 'step-note':
        this.#report(event);
        return;
      case 'step-done':
      case 'step-failed':
      case 'step-canceled':
        this.#close(event);
        return;
      default:
        unreachable(event);
    }
  }

  #open(description: StepDescription, timeMs: number): PlainStep {
    const step = new PlainStep(description, timeMs);
    this.#steps.set(description.id, step);
    return step;
  }

  #report(event: Extract<BuildEvent, { type: 'step-log' | 'step-progress' | 'step-note' }>): void {
    const step = this.#steps.get(event.id);
    if (step === undefined) return;
    if (event.type === 'step-log') step.log(event.stream, event.text, event.timeMs);
    else if (event.type === 'step-progress') step.progress(event);
    else step.note(showControls(event.text), event.timeMs);
    if (step.waitingSinceMs !== null) this.#offer(step);
  }

  #close(event: Extract<BuildEvent, { type: 'step-done' | 'step-failed' | 'step-canceled' }>): void {
    const step = this.#steps.get(event.id);
    if (step === undefined) return;
    step.endLines(event.timeMs);
    step.note(outcome(event), event.timeMs);
    this.#show(step);
    this.#steps.delete(event.id);
    this.#current = null;
    const next = this.#longestWaiting();
    if (next !== null) this.#show(next);
  }

  // Shows the step if the screen is free or its turn has come.
  #offer(step: PlainStep): void {
    const free = this.#current === null || this.#current === step;
    const silent = step.hasLines && this.#now() - this.#lastOutputMs >= silenceMs;
    if (free || silent || step.waitingLength > waitingLengthMax) this.#show(step);
  }

  #show(step: PlainStep): void {
    if (this.#current !== step) {
      if (this.#current !== null) this.#out += `#${this.#current.id} ...\n`;
      this.#out += `${this.#first ? '' : '\n'}#${step.id} ${step.name}\n`;
    }
    this.#first = false;
    this.#current = step;
    this.#lastOutputMs = this.#now();
    this.#out += step.takeLines();
  }

  // Says something that belongs to no step.
  #interrupt(text: string): void {
    if (this.#current !== null) this.#out += `#${this.#current.id} ...\n`;
    this.#out += `${this.#first || this.#current === null ? '' : '\n'}${text}\n`;
    this.#current = null;
  }

  #longestWaiting(): PlainStep | null {
    let oldest: PlainStep | null = null;
    for (const step of this.#steps.values()) {
      if (step === this.#current || step.waitingSinceMs === null) continue;
      if (oldest === null || step.waitingSinceMs < (oldest.waitingSinceMs ?? 0)) oldest = step;
    }
    return oldest;
  }

  #send(): void {
    if (this.#out === '') return;
    const text = this.#out;
    this.#out = '';
    this.#write(text);
  }
}

function outcome(event: Extract<BuildEvent, { type: 'step-done' | 'step-failed' | 'step-canceled' }>): string {
  if (event.type === 'step-canceled') return 'CANCELED';
  if (event.type === 'step-failed') return `ERROR: ${showControls(event.message)}`;
  return event.cached ? 'CACHED' : `DONE ${formatSeconds(event.durationMs)}`;
}
