/**
 * Plays a build on the terminal it runs in, for `terminal.test.ts` and for looking at the live view: first its middle,
 * then, after each line on standard input, the next act. `node --import tsx test/cli/play-demo.ts`
 */
import { createInterface } from 'node:readline';
import { createColors } from 'picocolors';
import { stepColors } from '../../src/cli/progress/step-colors.ts';
import { TtyRenderer } from '../../src/cli/progress/tty.ts';
import { formatSummary } from '../../src/cli/progress/summary.ts';
import { recordedBuild, say, summary } from './support.ts';

let nowMs = 0;
const renderer = new TtyRenderer(
  { write: (text) => { process.stderr.write(text); }, size: () => ({ columns: process.stderr.columns, rows: process.stderr.rows }) },
  () => nowMs,
  stepColors(createColors(true), ''),
);

function playUntil(endMs: number): void {
  for (const event of recordedBuild()) if (event.timeMs > nowMs && event.timeMs <= endMs) renderer.handle(event);
  nowMs = endMs;
  renderer.tick();
}

const acts: readonly (() => void)[] = [
  () => { playUntil(3500); },
  // Hostile output: would clear the screen and set the window's title.
  () => { renderer.handle(say.log(3900, 3, '\x1b[2J\x1b]0;pwned\x07harmless\n')); playUntil(4000); },
  () => {
    playUntil(14810);
    renderer.finish();
    process.stderr.write(`\n${formatSummary(summary)}`);
    process.exit(0);
  },
];

renderer.handle(recordedBuild()[0] ?? say.start(0, 1, 'none'));
let act = 0;
const next = (): void => { acts[act]?.(); act += 1; };
// The next frame comes soon after a resize, as it does in a build, whose clock ticks.
process.stderr.on('resize', () => {
  nowMs += 100;
  renderer.tick();
});
createInterface({ input: process.stdin, terminal: false }).on('line', next);
next();
