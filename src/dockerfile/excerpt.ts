/**
 * The lines of a Dockerfile around a problem, as `docker build` shows them. It does not color or print.
 * Start at `formatExcerpt`.
 */
import type { SourceRange } from '../base/errors.ts';

/** Of a longer range only the beginning and the end are shown. */
const markedLinesMax = 40;
/** Longer lines are cut. */
const lineLengthMax = 400;
const rule = '--------------------';

/**
 * Lines `context` before the range to `context` behind it, with numbers, those of the range marked by `>>>`, between two
 * rules and under the file's name and first line. Empty where the range is not in the text.
 */
export function formatExcerpt(dockerfileText: string, range: SourceRange, context = 2): string {
  return formatExcerptOfLines(dockerfileText.split('\n'), range, context);
}

/** The same for a text that is cut into lines already, because many excerpts are made of it. */
export function formatExcerptOfLines(lines: readonly string[], range: SourceRange, context = 2): string {
  if (range.startLine < 1 || range.startLine > lines.length) return '';
  const last = Math.min(range.endLine, lines.length);
  const from = Math.max(range.startLine - context, 1);
  const to = Math.min(Math.max(last, range.startLine) + context, lines.length);
  const shown: string[] = [];
  for (let number = from; number <= to; number += 1) {
    const isHidden = number >= range.startLine + markedLinesMax / 2 && number <= last - markedLinesMax / 2;
    if (isHidden && number > range.startLine + markedLinesMax / 2) continue;
    shown.push(isHidden ? '     | ...' : formatLine(number, lines[number - 1] ?? '', number >= range.startLine && number <= last));
  }
  return [`${range.file}:${range.startLine}`, rule, ...shown, rule, ''].join('\n');
}

function formatLine(number: number, line: string, isMarked: boolean): string {
  const text = showControls(line.length > lineLengthMax ? `${line.slice(0, lineLengthMax)}...` : line);
  return ` ${String(number).padStart(3)} | ${isMarked ? '>>>' : '   '} ${text}`;
}

/** A Dockerfile from elsewhere must not talk to the terminal: escape sequences are shown, not sent. */
function showControls(line: string): string {
  return line.replace(/\r$/, '').replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
