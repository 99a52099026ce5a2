/** Builds at once that need one step: one of them runs it, and the others take its result, whatever becomes of that one. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fromLayout, writeContext } from '../support/context.ts';
import { unfinished, until } from '../support/machine-state.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { parseRawLines } from '../support/raw-events.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startTsbuild, type CallOptions } from '../support/tsbuild.ts';

const skip = skipWithout(...forRun);

interface RunningBuild {
  readonly child: ChildProcess;
  /** What it wrote to standard error so far. */
  readonly text: () => string;
  readonly ended: Promise<number | null>;
}

interface Stage {
  readonly call: CallOptions;
  /** Starts a build and returns when its output matches. */
  start(pattern: RegExp): Promise<RunningBuild>;
  /** Lets the step, which writes a line to its cache mount when it begins, go on. */
  open(): void;
  /** How often the step has begun. */
  begun(): number;
}

const dockerfile = `FROM busybox
RUN --mount=type=cache,target=/c echo begun >> /c/log; echo begun; until test -e /c/open; do usleep 10000; done; echo made > /made
`;
const isRunning = /"text":"begun/;
const isWaiting = /another build is at this step: waiting for its result/;

async function openStage(t: TestContext): Promise<Stage> {
  const folder = temporaryFolder(t);
  const call: CallOptions = { store: join(folder, 'store') };
  const args = ['build', '--progress=rawjson', '--network=none', ...await fromLayout('busybox'), await writeContext(folder, { Dockerfile: dockerfile })];
  const mount = (): string => {
    const mounts = join(call.store, 'mounts/v1');
    return join(mounts, readdirSync(mounts, { withFileTypes: true }).find((entry) => entry.isDirectory())?.name ?? 'none', 'data');
  };
  return {
    call,
    start: async (pattern) => {
      const child = startTsbuild(args, call);
      t.after(() => child.kill('SIGKILL'));
      let text = '';
      child.stderr?.setEncoding('utf8').on('data', (chunk: string) => { text += chunk; });
      const ended = once(child, 'close').then(([exitCode]) => exitCode as number | null);
      await until(`the build says ${String(pattern)}`, () => pattern.test(text) || child.exitCode !== null, 30_000);
      assert.match(text, pattern);
      return { child, text: () => text, ended };
    },
    open: () => { writeFileSync(join(mount(), 'open'), ''); },
    begun: () => readFileSync(join(mount(), 'log'), 'utf8').split('\n').length - 1,
  };
}

/** The image of a build that must have ended well, and whether its step came from elsewhere. */
function outcomeOf({ text }: RunningBuild): readonly [string | undefined, number | undefined] {
  const { summary } = parseRawLines(text());
  return [summary?.imageID, summary?.stepsCached];
}

test('of two builds that come to a new step, the second waits for the first and has its image', { skip, timeout: 60_000 }, async (t) => {
  const stage = await openStage(t);
  const first = await stage.start(isRunning);
  const second = await stage.start(isWaiting);
  stage.open();
  assert.deepEqual([await first.ended, await second.ended], [0, 0], first.text() + second.text());
  assert.equal(stage.begun(), 1);
  assert.equal(outcomeOf(second)[0], outcomeOf(first)[0]);
  assert.deepEqual(await unfinished(stage.call.store), []);
});

test('when the build that runs the step is killed, one that waits runs it', { skip, timeout: 60_000 }, async (t) => {
  const stage = await openStage(t);
  const first = await stage.start(isRunning);
  const others = [await stage.start(isWaiting), await stage.start(isWaiting)];
  first.child.kill('SIGKILL');
  await first.ended;
  await until('the step runs again', () => stage.begun() === 2, 30_000);
  stage.open();
  for (const { ended, text } of others) assert.equal(await ended, 0, text());
  assert.equal(stage.begun(), 2);
  assert.equal(new Set(others.map((other) => outcomeOf(other)[0])).size, 1);
  // Whoever opens the store next has removed what the killed build left.
  await (await stage.start(/"build-done"/)).ended;
  assert.deepEqual(await unfinished(stage.call.store), []);
});

test('Ctrl-C ends a build that waits, and only that', { skip, timeout: 60_000 }, async (t) => {
  const stage = await openStage(t);
  const first = await stage.start(isRunning);
  const second = await stage.start(isWaiting);
  second.child.kill('SIGINT');
  assert.equal(await second.ended, 130, second.text());
  stage.open();
  assert.equal(await first.ended, 0, first.text());
  assert.equal(stage.begun(), 1);
  assert.deepEqual(await unfinished(stage.call.store), []);
});
