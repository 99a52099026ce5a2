/**
 * What every renderer of progress is: it takes the events of a build one by one and writes.
 * It never decides anything about the build, and it does not show the final error: `render-error.ts` does.
 */
import type { BuildEvent } from '../../base/events.ts';

export interface Renderer {
  handle(event: BuildEvent): void;
  /** Time has passed: called about ten times a second while the build runs. */
  tick(): void;
  /** Writes what is held back and leaves the terminal as it was found. Nothing is handled afterwards. */
  finish(): void;
}

/** What a renderer writes to. */
export interface Screen {
  write(text: string): void;
  /** The size at this moment; it changes when a window is resized. */
  size(): { readonly columns: number; readonly rows: number };
}

/** Milliseconds, on the clock of the events. */
export type Now = () => number;
