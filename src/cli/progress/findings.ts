/** What the build checks found, counted and listed once more at the end of a build, as `docker build` does. */
import type { BuildEvent } from '../../base/events.ts';
import type { BuildRequest } from '../build-request.ts';
import { showControls } from '../text/sanitize.ts';

type Notice = Extract<BuildEvent, { type: 'notice' }>;

/** So many are listed. */
const listedMax = 50;

/** Counts the findings among the events of a build, and keeps those that will be listed. */
export class FindingsWatch {
  readonly #kept: Notice[] = [];
  #count = 0;

  handle(event: BuildEvent): void {
    if (event.type !== 'notice' || event.check === undefined) return;
    this.#count += 1;
    if (this.#kept.length < listedMax) this.#kept.push(event);
  }

  /** Empty where nothing was found. */
  format(request: Pick<BuildRequest, 'file' | 'context'>): string {
    const count = this.#count;
    if (count === 0) return '';
    const lines = this.#kept.map(({ code, text, position }) => {
      const place = position === undefined ? '' : ` (${showControls(position.file)}:${position.startLine})`;
      return ` - ${code}: ${showControls(text)}${place}\n`;
    });
    const rest = count > lines.length ? ` - and ${count - lines.length} more\n` : '';
    return `${count === 1 ? '1 warning' : `${count} warnings`} found (${checkCall(request)} shows the lines):\n${lines.join('')}${rest}`;
  }
}

/** The call that shows them in full. */
function checkCall({ file, context }: Pick<BuildRequest, 'file' | 'context'>): string {
  return showControls(['tsbuild check', ...(file === null ? [] : [`-f ${file}`]), context].join(' '));
}
