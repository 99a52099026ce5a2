/**
 * The `tty` renderer: a live view that is drawn over itself. Each frame is one write that hides the cursor, stops line
 * wrapping and restores both, so that the terminal is in order whenever the program ends, even by SIGKILL. The last
 * frame may wrap: nothing is drawn over it.
 */
import type { BuildEvent } from '../../base/events.ts';
import { displayWidth } from '../text/width.ts';
import type { Now, Renderer, Screen } from './renderer.ts';
import type { StepColors } from './step-colors.ts';
import { layoutFrame } from './tty-frame.ts';
import { tailLinesDefault, TtyModel } from './tty-model.ts';

const hideCursor = '\x1b[?25l';
const showCursor = '\x1b[?25h';
const wrapOff = '\x1b[?7l';
const wrapOn = '\x1b[?7h';
const clearLineEnd = '\x1b[K';
const clearBelow = '\x1b[J';
const styles = /\x1b\[[0-9;]*m/g;

/** At most ten frames a second. */
const frameMsMin = 100;

export class TtyRenderer implements Renderer {
  readonly #model: TtyModel;
  readonly #screen: Screen;
  readonly #now: Now;
  readonly #colors: StepColors;
  /** The widths of the lines of the frame that is on the screen. */
  #drawn: readonly number[] = [];
  #drawnMs = -Infinity;

  /** @param tailLinesMax the lines of output under a running step */
  constructor(screen: Screen, now: Now, colors: StepColors, tailLinesMax = tailLinesDefault) {
    this.#model = new TtyModel(tailLinesMax);
    this.#screen = screen;
    this.#now = now;
    this.#colors = colors;
  }

  handle(event: BuildEvent): void {
    this.#model.apply(event);
  }

  tick(): void {
    if (this.#model.startMs === null || this.#now() - this.#drawnMs < frameMsMin) return;
    this.#draw(false);
  }

  finish(): void {
    if (this.#model.startMs !== null) this.#draw(true);
  }

  #draw(final: boolean): void {
    const { columns, rows } = this.#screen.size();
    const nowMs = this.#now();
    const lines = layoutFrame(this.#model, { columns, rows, nowMs, colors: this.#colors, final });
    const body = lines.map((line) => `${line}${clearLineEnd}\n`).join('');
    this.#screen.write(`${hideCursor}${final ? '' : wrapOff}${this.#toStart(columns, rows)}${body}${clearBelow}${wrapOn}${showCursor}`);
    this.#drawn = lines.map((line) => displayWidth(line.replace(styles, '')));
    this.#drawnMs = nowMs;
  }

  // A narrowed terminal has broken the lines of the last frame into more rows.
  #toStart(columns: number, rows: number): string {
    const height = this.#drawn.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0);
    const up = Math.min(height, rows - 1);
    return up > 0 ? `\r\x1b[${up}A` : '\r';
  }
}
