/** The findings of `tsbuild check` for people, in the shape that `docker build --check` has. */
import type { createColors } from 'picocolors';
import type { CheckReport } from '../../build/check.ts';
import { formatExcerptOfLines } from '../../dockerfile/excerpt.ts';
import { ruleUrl } from '../../graph/check/rules.ts';
import { showControls, showControlsInLines } from '../text/sanitize.ts';

/** So many findings are shown in full; the rest is counted. */
const shownMax = 200;

/** A headline, then each finding with the lines that it is about. */
export function formatCheck({ findings, error, file }: CheckReport, colors: ReturnType<typeof createColors>): string {
  const count = findings.length;
  if (count === 0) return error === null ? 'Check complete, no warnings found.\n' : '';
  const headline = `Check complete, ${count === 1 ? '1 warning has' : `${count} warnings have`} been found!\n`;
  const lines = file.text.split('\n');
  const shown = findings.slice(0, shownMax).map(({ rule, detail, position }) => {
    const url = ruleUrl(rule);
    const title = `${colors.yellow(`WARNING: ${rule}`)}${url === null ? '' : ` - ${url}`}`;
    return `\n${title}\n${showControls(detail)}\n${showControlsInLines(formatExcerptOfLines(lines, position))}`;
  });
  const rest = count > shownMax ? `\nand ${count - shownMax} more: --format json has them all\n` : '';
  return `${headline}${shown.join('')}${rest}`;
}
