/** What a build shows of the findings of its checks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BuildEvent } from '../../src/base/events.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import { fakeCommands, fakeProcess, recordedBuild, summary, visible } from './support.ts';

const finding = (line: number, text = "Usage of undefined variable '$a'"): BuildEvent => ({
  type: 'notice', timeMs: 1, level: 'warning', code: 'UndefinedVar', text, position: { file: 'Dockerfile', startLine: line, endLine: line },
  check: { description: 'Variables should be defined before their use' },
});

/** Standard error of a build that finds this. */
async function show(line: string, findings: readonly BuildEvent[], { tty = false, error = null as Error | null } = {}): Promise<string> {
  const fake = fakeProcess({ tty });
  const commands = fakeCommands({
    build: (_request, sink) => {
      for (const event of [...findings, ...recordedBuild()]) sink(event);
      return error === null ? Promise.resolve(summary) : Promise.reject(error);
    },
  });
  await runCli(line.split(' '), { TERM: 'xterm' }, fake.io, commands);
  return fake.stderr;
}

test('findings are listed after the build, with the call that shows them', async () => {
  const text = await show('--progress=plain -f sub/app.Dockerfile sub', [finding(3), finding(4, 'hostile \x1b[2J')]);
  assert.match(text, /^WARNING: Usage of undefined variable '\$a' \(UndefinedVar, Dockerfile:3\)$/m);
  const expected = `
2 warnings found (tsbuild check -f sub/app.Dockerfile sub shows the lines):
 - UndefinedVar: Usage of undefined variable '$a' (Dockerfile:3)
 - UndefinedVar: hostile \\x1b[2J (Dockerfile:4)

image  sha256:`;
  assert.ok(text.includes(expected), text);
});

test('a live view shows findings at its end alone', async () => {
  const text = visible(await show('.', [finding(3)], { tty: true }));
  assert.equal(text.split('undefined variable').length - 1, 1, text);
  assert.match(text, /\n1 warning found \(tsbuild check \. shows the lines\):\n - UndefinedVar: Usage of undefined variable '\$a' \(Dockerfile:3\)\n/);
});

test('findings are listed where the build fails', async () => {
  const text = await show('--progress=plain .', [finding(3)], { error: new Error('it broke') });
  assert.match(text, /1 warning found .*\n - UndefinedVar: .*\nERROR: it broke/);
});

test('quiet says nothing of findings, and events are enough for programs', async () => {
  assert.doesNotMatch(await show('-q .', [finding(3)]), /warning/);
  const lines = (await show('--progress=rawjson .', [finding(3)])).trimEnd().split('\n');
  assert.deepEqual(JSON.parse(lines[0] ?? ''), finding(3));
  assert.equal(lines.some((line) => !line.startsWith('{')), false);
});

const unconsumed: BuildEvent = { type: 'notice', timeMs: 1, level: 'warning', code: 'BUILD_ARGS_UNCONSUMED', text: 'One or more build-args [A \x1b[2J] were not consumed', isRepeated: true };
const unconsumedLine = 'WARNING: One or more build-args [A \\x1b[2J] were not consumed (BUILD_ARGS_UNCONSUMED)\n';

test('build arguments that nothing consumed are told when it is known, and in front of the findings at the end', async () => {
  const text = await show('--progress=plain .', [unconsumed, finding(3)]);
  assert.ok(text.startsWith(unconsumedLine), text);
  assert.ok(text.includes(`\n\n${unconsumedLine}1 warning found`), text);
  assert.equal((await show('--progress=plain .', [unconsumed], { error: new Error('it broke') })).split(unconsumedLine).length, 3);
});

test('build arguments that nothing consumed stand at the end of a live view once, in events as they are, and not in quiet', async () => {
  const live = visible(await show('.', [unconsumed], { tty: true }));
  assert.deepEqual([live.split('were not consumed').length - 1, live.includes(`\n${unconsumedLine}`)], [1, true], live);
  assert.deepEqual(JSON.parse((await show('--progress=rawjson .', [unconsumed])).split('\n')[0] ?? ''), unconsumed);
  assert.doesNotMatch(await show('-q .', [unconsumed]), /consumed/);
});

test('of many findings the first are listed and the others counted', async () => {
  const text = await show('--progress=plain .', Array.from({ length: 60 }, (_, index) => finding(index + 1)));
  assert.match(text, /\n60 warnings found .*\n - UndefinedVar: .*Dockerfile:1\)\n/);
  assert.match(text, /Dockerfile:50\)\n - and 10 more\n\n/);
});
