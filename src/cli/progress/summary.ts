/** The last lines of a build that went well: what was made and where it is. */
import type { BuildSummary } from '../commands.ts';
import { showControls } from '../text/sanitize.ts';
import { formatSeconds } from '../text/units.ts';

/** One fact a line, ready to be written. */
export function formatSummary(summary: BuildSummary): string {
  const facts: (readonly [string, string])[] = [];
  if (summary.imageID !== undefined) facts.push(['image', summary.imageID]);
  for (const name of summary.names) facts.push(['name', name]);
  for (const { type, dest } of summary.outputs) facts.push(['output', dest === undefined ? type : `${type} ${dest === '-' ? 'to standard output' : dest}`]);
  const steps = summary.stepsTotal === 1 ? '1 step' : `${summary.stepsTotal} steps`;
  facts.push(['built', `${steps}, ${summary.stepsCached} cached, ${formatSeconds(summary.durationMs)}`]);
  return facts.map(([label, value]) => `${label.padEnd(7)}${showControls(value)}\n`).join('');
}
