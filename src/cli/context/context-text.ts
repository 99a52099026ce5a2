/** A context as a list for people: size and path, and with `--why` the rule that decided. Start at `formatContext`. */
import type { ContextReport } from '../../build/list-context.ts';
import type { ListedEntry, Totals } from '../../context/listing.ts';
import { showControls } from '../text/sanitize.ts';
import { formatBytes } from '../text/units.ts';

/** A terminal gets so many lines, if a smaller depth makes them fewer. */
const readableLinesMax = 200;
/** As long as the longest size. */
const sizeWidth = 8;
/** So many lines are handed over together. */
const linesPerChunk = 1000;

export interface ContextTextOptions {
  /** Ignored paths too, and rules. */
  readonly why: boolean;
  /** The entries were asked for by name: there is no total. */
  readonly isNamed: boolean;
  readonly depthMax: number;
}

/** The text, in pieces that end with a line end. */
export function* formatContext({ entries, totals, ignoreFile }: ContextReport, { why, isNamed, depthMax }: ContextTextOptions): Generator<string> {
  let lines: string[] = [];
  let hidden = 0;
  for (const entry of entries) {
    if (!why && !entry.isIncluded) continue;
    if (depthOf(entry) > depthMax) {
      hidden += 1;
      continue;
    }
    lines.push(`${columnOf(entry).padStart(sizeWidth)}  ${nameOf(entry)}${why ? reasonOf(entry, ignoreFile ?? '') : ''}\n`);
    if (lines.length < linesPerChunk) continue;
    yield lines.join('');
    lines = [];
  }
  if (!isNamed) lines.push(`${formatTotals(totals)}${hidden === 0 ? '' : `; ${hidden} more paths below depth ${depthMax}: --depth shows them`}\n`);
  yield lines.join('');
}

/** The greatest depth that gives a terminal few enough lines; Infinity where all of them are. */
export function readableDepth(entries: readonly ListedEntry[], why: boolean): number {
  const counts: number[] = [];
  for (const entry of entries) if (why || entry.isIncluded) counts[depthOf(entry)] = (counts[depthOf(entry)] ?? 0) + 1;
  let lines = 0;
  for (let depth = 1; depth < counts.length; depth += 1) {
    lines += counts[depth] ?? 0;
    if (lines > readableLinesMax) return Math.max(1, depth - 1);
  }
  return Infinity;
}

function depthOf({ path }: ListedEntry): number {
  let depth = 1;
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) depth += 1;
  return depth;
}

function columnOf({ type, isIncluded, sizeBytes }: ListedEntry): string {
  if (type === 'missing') return 'missing';
  return isIncluded ? formatBytes(sizeBytes) : 'ignored';
}

function nameOf({ path, type }: ListedEntry): string {
  // Names are bytes: those that are no text are shown as such (base/path-bytes.ts).
  const name = showControls(path).replace(/[\udc80-\udcff]/gu, (stray) => `\\x${(stray.charCodeAt(0) - 0xdc00).toString(16)}`);
  return type === 'directory' ? `${name === '' ? '.' : name}/` : name;
}

/** A rule that ignores a directory says nothing where another takes back something in it. */
function reasonOf({ type, isIncluded, rule }: ListedEntry, ignoreFile: string): string {
  const shown = rule === null || (isIncluded && !rule.isException) ? '' : `  ${showControls(ignoreFile)}:${rule.line}  ${showControls(rule.text)}`;
  if (type === 'missing') return `  not in the context directory${rule?.isException === false ? ', and would be ignored:' : ''}${rule?.isException === false ? shown : ''}`;
  return type === 'socket' && isIncluded ? `${shown}  a socket: it lands as an empty file` : shown;
}

function formatTotals({ fileCount, directoryCount, sizeBytes }: Totals): string {
  return `total: ${plural(fileCount, 'file', 'files')}, ${plural(directoryCount, 'directory', 'directories')}, ${formatBytes(sizeBytes)}`;
}

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
