/** Variables of the client's environment that steer what is shown: SEMANTICS A4, 7. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createColors } from 'picocolors';
import type { BuildEvent } from '../../src/base/events.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import { stepColors } from '../../src/cli/progress/step-colors.ts';
import { failingBuild, fakeCommands, fakeProcess, say, summary, visible } from './support.ts';

/** What a build of these events writes to a terminal, ticks between them included. */
async function show(env: Readonly<Record<string, string>>, events: readonly BuildEvent[], { tty = true, line = '.' } = {}): Promise<string> {
  const fake = fakeProcess({ tty, rows: 40 });
  const commands = fakeCommands({
    build: (_request, sink) => {
      for (const event of events) {
        sink(event);
        fake.advance(200);
      }
      return Promise.resolve(summary);
    },
  });
  await runCli(line.split(' '), { TERM: 'xterm', ...env }, fake.io, commands);
  return visible(fake.stderr);
}

test('A4.7 BUILDKIT_PROGRESS chooses how progress is shown, and --progress stands above it', async () => {
  const events = failingBuild();
  assert.match(await show({ BUILDKIT_PROGRESS: 'plain' }, events), /^#1 \[1\/3\] FROM/m);
  assert.match(await show({ BUILDKIT_PROGRESS: 'rawjson' }, events), /^\{"type":"build-started"/);
  assert.equal(await show({ BUILDKIT_PROGRESS: 'quiet' }, events), '');
  assert.match(await show({ BUILDKIT_PROGRESS: '' }, events), /\[\+\] Building/);
  assert.match(await show({ BUILDKIT_PROGRESS: 'rawjson' }, events, { line: '--progress=plain .' }), /^#1 \[1\/3\] FROM/m);
  assert.match(await show({ BUILDKIT_PROGRESS: 'fancy' }, events), /ERROR:.* --progress "fancy": must be one of auto, tty, plain, quiet, rawjson \(OPTION_VALUE\)/);
});

test('A4.7 NO_COLOR takes all colours away, whatever its value, but an empty one', async () => {
  const styled = /␛\[[0-9;]*m/;
  for (const value of ['1', '0', 'false', 'x']) assert.doesNotMatch(await show({ NO_COLOR: value, BUILDKIT_COLORS: 'run=red', FORCE_COLOR: '1' }, failingBuild()), styled, value);
  assert.match(await show({ NO_COLOR: '' }, failingBuild()), styled);
});

test('A4.7 BUILDKIT_COLORS gives steps, notices, and what failed or was given up, colours of the user\'s', async () => {
  const notice: BuildEvent = { type: 'notice', timeMs: 90, level: 'warning', code: 'X', text: 'look' };
  const text = await show({ BUILDKIT_COLORS: 'run=light-green:error=255,0,128:cancel=default:warning=magenta' }, [...failingBuild(), notice]);
  assert.match(text, /␛\[92m => CACHED \[2\/3\] RUN echo ok/);
  assert.match(text, /␛\[38;5;199m => ERROR \[3\/3\] RUN make test/);
  assert.match(text, /␛\[39m => CANCELED \[other/);
  assert.match(text, /␛\[35mWARNING: look/);
  assert.match(await show({}, failingBuild()), /␛\[34m => CACHED .*␛\[31m => ERROR .*␛\[33m => CANCELED /s);
});

test('A4.7 what BUILDKIT_COLORS says and nobody understands changes nothing, and is never written', () => {
  const standard = stepColors(createColors(true), '');
  for (const wanted of ['', 'run', 'run=', 'run=purple', 'run=256,0,0', 'run=1,2', 'run=1,2,3,4', 'run=-1,0,0', 'run=\x1b[2J', 'other=red', '=red', 'run==red', 'run=light-default', 'run=1;2;3', 'run=__proto__']) {
    const colors = stepColors(createColors(true), wanted);
    for (const name of ['run', 'cancel', 'error', 'warning', 'dim'] as const) assert.equal(colors[name]('x'), standard[name]('x'), wanted);
  }
  assert.equal(stepColors(createColors(true), 'bad:run=cyan:RUN = Light-Black ').run('x'), '\x1b[90mx\x1b[39m');
  assert.equal(stepColors(createColors(false), 'run=red').run('x'), 'x');
});

test('A4.7 BUILDKIT_TTY_LOG_LINES says how many lines of output stand under a running step', async () => {
  const events = [say.start(0, 1, 'RUN x'), ...Array.from({ length: 20 }, (_, index) => say.log(index + 1, 1, `line ${index}\n`)), say.log(30, 1, 'more\n')];
  const shown = async (value: string): Promise<number> => {
    const frames = (await show({ BUILDKIT_TTY_LOG_LINES: value, NO_COLOR: '1' }, events)).split('[+] Building');
    return Math.max(...frames.map((frame) => frame.split('=> => #').length - 1));
  };
  for (const [value, expected] of [['3', 3], ['12', 12], ['1', 1], ['007', 7], ['', 6], ['0', 6], ['-2', 6], ['x', 6], ['1e3', 6], ['99999999999999999999', 21]] as const) {
    assert.equal(await shown(value), expected, value);
  }
});
