/** The `rawjson` renderer: the events as they are, one JSON object a line, for programs. Also `quiet`: nothing at all. */
import type { BuildEvent } from '../../base/events.ts';
import type { Renderer } from './renderer.ts';

export class RawJsonRenderer implements Renderer {
  readonly #write: (text: string) => void;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  handle(event: BuildEvent): void {
    this.#write(`${JSON.stringify(event)}\n`);
  }

  tick(): void {
    // Events are written when they come.
  }

  finish(): void {
    // Nothing is held back.
  }
}

export class QuietRenderer implements Renderer {
  handle(_event: BuildEvent): void {
    // The result goes to standard output, errors are shown at the end.
  }

  tick(): void {
    // Nothing to show.
  }

  finish(): void {
    // Nothing is held back.
  }
}
