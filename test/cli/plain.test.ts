import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BuildEvent } from '../../src/base/events.ts';
import { PlainRenderer } from '../../src/cli/progress/plain.ts';
import { checkGolden, failingBuild, recordedBuild, say } from './support.ts';

/** Plays events on a clock that ticks every 100 ms between them. */
function play(events: readonly BuildEvent[]): string {
  let out = '';
  let nowMs = 0;
  const renderer = new PlainRenderer((text) => { out += text; }, () => nowMs);
  for (const event of events) {
    for (let tickMs = Math.ceil((nowMs + 1) / 100) * 100; tickMs <= event.timeMs; tickMs += 100) {
      nowMs = tickMs;
      renderer.tick();
    }
    nowMs = event.timeMs;
    renderer.handle(event);
  }
  renderer.finish();
  return out;
}

/** The lines that one step with this output prints, without number and time. */
function linesOf(chunks: readonly (string | [number, string])[]): string[] {
  const logs = chunks.map((chunk) => (typeof chunk === 'string' ? say.log(5, 1, chunk) : say.log(chunk[0], 1, chunk[1])));
  const out = play([say.start(0, 1, 'RUN x'), ...logs, say.done(9000, 1, 9000)]);
  return out.split('\n').slice(1, -2).map((line) => line.replace(/^#1 \S+ /, ''));
}

test('plain shows a build in the lines that BuildKit users know', () => {
  checkGolden('plain-build', play(recordedBuild()));
});

test('plain shows the failing step with its error and what was given up', () => {
  checkGolden('plain-failure', play(failingBuild()));
});

test('plain joins lines across chunks and ends the last one', () => {
  assert.deepEqual(linesOf(['a', 'b\nc', '\r', '\nd']), ['ab', 'c', 'd']);
});

test('plain keeps empty lines', () => {
  assert.deepEqual(linesOf(['a\n\n\nb\n']), ['a', '', '', 'b']);
});

test('plain keeps stdout and stderr lines apart', () => {
  const out = play([say.start(0, 1, 'x'), say.log(1, 1, 'out '), say.log(2, 1, 'err\n', 'stderr'), say.log(3, 1, 'put\n'), say.done(9, 1, 9)]);
  assert.match(out, /err\n#1 0\.003 out put\n/);
});

test('plain never clips: a megabyte without a line end comes out whole', () => {
  const text = 'x'.repeat(1_000_000);
  assert.equal(linesOf([text]).join('').length, text.length);
});

test('plain shows what is left of an overwritten line, and a long progress bar once a second', () => {
  assert.deepEqual(linesOf([[0, '10%\r20%'], [500, '\r30%'], [999, '\r40%'], [1000, '\r50%'], [1500, '\r100%\n']]), ['20%', '50%', '100%']);
});

test('plain shows nothing of an escape sequence', () => {
  assert.deepEqual(linesOf(['\x1b[2J\x1b]0;title\x07a\x1b[31mb\x1b[0m\x9b1Ac\x1bcd\x1b]52;c;ZWNobw==\x1b\\e\n']), ['abcde']);
});

test('plain makes control characters in names visible', () => {
  const out = play([say.start(0, 1, 'RUN echo \x1b[2J\nx\u202e'), say.done(1, 1, 1)]);
  assert.equal(out, '#1 RUN echo \\x1b[2J\\nx\\u{202e}\n#1 DONE 0.0s\n');
});

test('plain gives each of two talking steps its turn', () => {
  const talk = Array.from({ length: 60 }, (_, index) => [say.log(100 * index + 1, 1, `a${index}\n`), say.log(100 * index + 2, 2, `b${index}\n`)]).flat();
  const out = play([say.start(0, 1, 'A'), say.start(0, 2, 'B'), ...talk, say.done(6001, 1, 6001), say.done(6002, 2, 6002)]);
  const switches = out.split('\n').filter((line) => line.endsWith(' ...')).length;
  assert.ok(switches >= 2 && switches <= 4, out);
  for (const name of ['a', 'b']) {
    const numbers = [...out.matchAll(new RegExp(`^#\\d \\S+ ${name}(\\d+)$`, 'gm'))].map((match) => Number(match[1]));
    assert.deepEqual(numbers, Array.from({ length: 60 }, (_, index) => index));
  }
});

test('plain holds back no more than a bounded amount of a waiting step', () => {
  let out = '';
  const renderer = new PlainRenderer((text) => { out += text; }, () => 0);
  renderer.handle(say.start(0, 1, 'A'));
  renderer.handle(say.start(0, 2, 'B'));
  renderer.handle(say.log(0, 1, 'a\n'));
  renderer.handle(say.log(0, 2, `${'b'.repeat(1000)}\n`.repeat(70)));
  assert.ok(out.includes('#2 B\n'));
});
