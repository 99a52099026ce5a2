/** What is told once more at the end of a build, as `docker build` does: what the checks found, counted and listed, and what asked for it. */
import type { BuildEvent } from '../../base/events.ts';
import type { BuildRequest } from '../build-request.ts';
import { showControls } from '../text/sanitize.ts';
import { formatNotice } from './notice.ts';

type Notice = Extract<BuildEvent, { type: 'notice' }>;

/** So many are listed. */
const listedMax = 50;

/** Counts the findings among the events of a build, and keeps those that will be listed. */
export class FindingsWatch {
  readonly #kept: Notice[] = [];
  readonly #repeated: string[] = [];
  #count = 0;

  handle(event: BuildEvent): void {
    if (event.type !== 'notice') return;
    if (event.isRepeated === true && this.#repeated.length < listedMax) this.#repeated.push(`${formatNotice(event)}\n`);
    if (event.check === undefined) return;
    this.#count += 1;
    if (this.#kept.length < listedMax) this.#kept.push(event);
  }

  /** Empty where there is nothing to tell. */
  format(request: Pick<BuildRequest, 'file' | 'context'>): string {
    return this.#repeated.join('') + this.#formatFindings(request);
  }

  #formatFindings(request: Pick<BuildRequest, 'file' | 'context'>): string {
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
