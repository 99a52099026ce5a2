/** One running step of the plain renderer: its unfinished lines, and the finished ones that wait for their turn. */
import type { BuildEvent, StepDescription } from '../../base/events.ts';
import { LineSplitter } from '../text/lines.ts';
import { cleanLine, showControls } from '../text/sanitize.ts';
import { formatBytes, formatLogTime, formatSeconds } from '../text/units.ts';

/** Downloads and progress bars report at most so often. */
const reportEveryMs = 1000;

type Stream = 'stdout' | 'stderr';
interface Item {
  readonly startMs: number;
  shownMs: number;
}

export class PlainStep {
  readonly id: number;
  readonly name: string;
  /** Since when something waits to be shown: lines, or at first the name. Null when nothing does. */
  waitingSinceMs: number | null;
  readonly #startMs: number;
  readonly #streams = { stdout: new LineSplitter(), stderr: new LineSplitter() };
  readonly #barShownMs = { stdout: -Infinity, stderr: -Infinity };
  readonly #items = new Map<string, Item>();
  #waiting = '';

  constructor(description: StepDescription, timeMs: number) {
    this.id = description.id;
    this.name = showControls(description.name);
    this.waitingSinceMs = timeMs;
    this.#startMs = timeMs;
  }

  get waitingLength(): number {
    return this.#waiting.length;
  }

  get hasLines(): boolean {
    return this.#waiting !== '';
  }

  /** Returns the lines that waited, each with its end. */
  takeLines(): string {
    const lines = this.#waiting;
    this.#waiting = '';
    this.waitingSinceMs = null;
    return lines;
  }

  /** A chunk of output. */
  log(stream: Stream, text: string, timeMs: number): void {
    this.#addLog(this.#streams[stream].push(text), timeMs);
    this.#showBar(stream, timeMs);
  }

  /** Output that ends without a line end still becomes a line. */
  endLines(timeMs: number): void {
    this.#addLog([...this.#streams.stdout.flush(), ...this.#streams.stderr.flush()], timeMs);
  }

  /** A line without the time. */
  note(text: string, timeMs: number): void {
    this.#waiting += `#${this.id} ${text}\n`;
    this.waitingSinceMs ??= timeMs;
  }

  /** Shows the beginning, the end, and what lies between once a second. */
  progress(event: Extract<BuildEvent, { type: 'step-progress' }>): void {
    const item = this.#items.get(event.item);
    if (item !== undefined && !event.done && event.timeMs - item.shownMs < reportEveryMs) return;
    const startMs = item?.startMs ?? event.timeMs;
    if (event.done) this.#items.delete(event.item);
    else this.#items.set(event.item, { startMs, shownMs: event.timeMs });
    const total = event.totalBytes === undefined ? '' : ` / ${formatBytes(event.totalBytes)}`;
    const elapsed = event.timeMs - startMs >= 50 ? ` ${formatSeconds(event.timeMs - startMs)}` : '';
    const amount = event.currentBytes === 0 && event.totalBytes === undefined ? '' : ` ${formatBytes(event.currentBytes)}${total}`;
    this.note(`${showControls(event.item)}${amount}${elapsed}${event.done ? ' done' : ''}`, event.timeMs);
  }

  // A line that overwrites itself is shown now and then, because its end may be minutes away.
  #showBar(stream: Stream, timeMs: number): void {
    const splitter = this.#streams[stream];
    if (!splitter.overwriting || timeMs - this.#barShownMs[stream] < reportEveryMs) return;
    this.#barShownMs[stream] = timeMs;
    this.#addLog([splitter.partial], timeMs);
  }

  #addLog(lines: readonly string[], timeMs: number): void {
    if (lines.length === 0) return;
    const prefix = `#${this.id} ${formatLogTime(timeMs - this.#startMs)} `;
    for (const line of lines) this.#waiting += `${prefix}${cleanLine(line)}\n`;
    this.waitingSinceMs ??= timeMs;
  }
}
