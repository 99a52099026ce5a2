import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createColors } from 'picocolors';
import type { BuildEvent } from '../../src/base/events.ts';
import { stepColors } from '../../src/cli/progress/step-colors.ts';
import { TtyRenderer } from '../../src/cli/progress/tty.ts';
import { layoutFrame } from '../../src/cli/progress/tty-frame.ts';
import { TtyModel } from '../../src/cli/progress/tty-model.ts';
import { displayWidth } from '../../src/cli/text/width.ts';
import { assertProperty } from '../support/property.ts';
import { checkGolden, failingBuild, recordedBuild, say, visible } from './support.ts';

interface View { readonly atMs: number; readonly columns?: number; readonly rows?: number; readonly final?: boolean }

/** The frame that is on the screen at that time of the build. */
function frameAt(events: readonly BuildEvent[], { atMs, columns = 80, rows = 24, final = false }: View): string[] {
  const model = new TtyModel();
  for (const event of events) if (event.timeMs <= atMs) model.apply(event);
  return layoutFrame(model, { columns, rows, nowMs: atMs, colors: stepColors(createColors(false), ''), final });
}

const views: readonly (View & { readonly name: string })[] = [
  { name: 'download', atMs: 1400 },
  { name: 'two-steps', atMs: 3500 },
  { name: 'narrow', atMs: 3500, columns: 40 },
  { name: 'wide', atMs: 3500, columns: 160 },
  { name: 'low', atMs: 3500, rows: 6 },
  { name: 'end', atMs: 14810, final: true },
];
for (const view of views) {
  test(`tty lays a build out: ${view.name}`, () => {
    checkGolden(`tty-${view.name}`, `${frameAt(recordedBuild(), view).join('\n')}\n`);
  });
}

test('tty marks what failed and what was given up', () => {
  checkGolden('tty-failure', `${frameAt(failingBuild(), { atMs: 81, final: true }).join('\n')}\n`);
});

test('a frame fits any terminal, whatever the steps are called and print', () => {
  const word = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 80 }), fc.constantFrom('変数'.repeat(30), '\x1b[2J', '\t\t', '👍'.repeat(40)));
  assertProperty(fc.property(fc.array(fc.tuple(word, fc.array(word)), { maxLength: 40 }), fc.integer({ min: 40, max: 200 }), fc.integer({ min: 4, max: 60 }), (steps, columns, rows) => {
    const events = steps.flatMap(([name, lines], id) => [say.start(1, id, name), ...lines.map((line) => say.log(2, id, `${line}\n`)), ...(id % 3 === 0 ? [say.done(3, id, 2)] : [])]);
    const frame = frameAt(events, { atMs: 100, columns, rows });
    assert.ok(frame.length < rows, `${frame.length} lines on ${rows} rows`);
    for (const line of frame) assert.ok(displayWidth(line) < columns, line);
  }));
});

/** What the renderer writes, one string a frame, on a terminal whose size the caller may change. */
function draw(): { readonly renderer: TtyRenderer; readonly frames: string[]; readonly screen: { columns: number; rows: number; nowMs: number } } {
  const frames: string[] = [];
  const screen = { columns: 80, rows: 24, nowMs: 0 };
  const renderer = new TtyRenderer({ write: (text) => { frames.push(text); }, size: () => screen }, () => screen.nowMs, stepColors(createColors(false), ''));
  return { renderer, frames, screen };
}

test('tty writes a frame at once and restores cursor and wrapping in it', () => {
  const { renderer, frames, screen } = draw();
  for (const event of recordedBuild()) renderer.handle(event);
  renderer.tick();
  screen.nowMs += 100;
  renderer.finish();
  assert.equal(frames.length, 2);
  for (const frame of frames) assert.match(visible(frame), /^␛\[\?25l(␛\[\?7l)?␍.*␛\[J␛\[\?7h␛\[\?25h$/s);
});

test('tty draws at most ten frames a second', () => {
  const { renderer, frames, screen } = draw();
  renderer.handle(say.start(0, 1, 'RUN x'));
  for (; screen.nowMs < 1000; screen.nowMs += 1) {
    renderer.handle(say.log(screen.nowMs, 1, 'x\n'));
    renderer.tick();
  }
  assert.ok(frames.length <= 10, String(frames.length));
});

test('tty goes back over the rows of its last frame, also after the terminal became narrower', () => {
  const { renderer, frames, screen } = draw();
  renderer.handle(say.start(0, 1, 'RUN x'));
  renderer.tick();
  screen.nowMs = 100;
  renderer.tick();
  assert.match(visible(frames[1] ?? ''), /␍␛\[2A/);
  screen.columns = 40;
  screen.nowMs = 200;
  renderer.tick();
  assert.match(visible(frames[2] ?? ''), /␍␛\[3A/);
});

test('tty with NO_COLOR moves the cursor but sets no colour', () => {
  const { renderer, frames } = draw();
  for (const event of failingBuild()) renderer.handle(event);
  renderer.finish();
  assert.doesNotMatch(frames.join(''), /\x1b\[[0-9;]*m/);
});

test('tty says nothing before the build started', () => {
  const { renderer, frames } = draw();
  renderer.tick();
  renderer.finish();
  assert.deepEqual(frames, []);
});
