/** Cache mounts between builds in processes of their own (SEMANTICS A1, 8): the kernel's locks, also when one is killed. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fromLayout, writeContext } from '../support/context.ts';
import { processesWith, until } from '../support/machine-state.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startTsbuild } from '../support/tsbuild.ts';

const skip = skipWithout(...forRun);

interface RunningBuild {
  readonly child: ChildProcess;
  /** Everything that it printed so far. */
  text(): string;
  /** Its exit code, when it has ended. */
  readonly ended: Promise<number | null>;
}

/** Starts builds of one RUN each on one store. A step prints `NAME is in`, and waits until the test lets it go. */
async function openStage(t: TestContext): Promise<{ start(name: string, sharing: string): Promise<RunningBuild>; letGo(name: string): Promise<void> }> {
  const folder = temporaryFolder(t);
  const layout = await fromLayout('busybox');
  return {
    start: async (name, sharing) => {
      const script = `echo ${name} >> /c/log; echo ${name} is in: $(cat /c/log); while [ ! -e /c/go-${name} ]; do sleep 0.02; done`;
      const context = await writeContext(join(folder, name), { Dockerfile: `FROM busybox\nRUN --mount=type=cache,id=it,target=/c,sharing=${sharing} ${script}\n` });
      const child = startTsbuild(['build', '--progress=plain', '--network=none', ...layout, context], { store: join(folder, 'store') });
      let text = '';
      child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      t.after(() => child.kill('SIGKILL'));
      return { child, text: () => text, ended: once(child, 'close').then(([code]) => code as number | null) };
    },
    letGo: async (name) => {
      const mounts = join(folder, 'store/mounts/v1');
      for (const entry of await readdir(mounts)) if (!entry.endsWith('.lock')) await writeFile(join(mounts, entry, 'data', `go-${name}`), '');
    },
  };
}

const hasEntered = (build: RunningBuild, name: string): boolean => new RegExp(`^#\\d+ [\\d.]+ ${name} is in`, 'm').test(build.text());
const isIn = (build: RunningBuild, name: string): Promise<void> => until(`${name} is in the cache`, () => hasEntered(build, name), 30_000);
const waits = (build: RunningBuild): Promise<void> => until('the build waits for the cache', () => build.text().includes('waiting for the cache it'), 30_000);

test('A1.8 sharing=locked: a second build waits, and goes on when the first is killed', { skip }, async (t) => {
  const stage = await openStage(t);
  const first = await stage.start('first', 'locked');
  await isIn(first, 'first');
  const second = await stage.start('second', 'locked');
  await waits(second);
  assert.ok(!hasEntered(second, 'second'));
  first.child.kill('SIGKILL');
  await first.ended;
  await isIn(second, 'second');
  assert.match(second.text(), /second is in: first second/); // the same directory
  await stage.letGo('second');
  assert.equal(await second.ended, 0, second.text());
  await until('no step is left', () => processesWith('first is in').length === 0);
});

test('A1.8 sharing=shared: two builds are in at once; one that wants it alone waits for both', { skip }, async (t) => {
  const stage = await openStage(t);
  const [one, two] = [await stage.start('one', 'shared'), await stage.start('two', 'shared')];
  await Promise.all([isIn(one, 'one'), isIn(two, 'two')]);
  const alone = await stage.start('alone', 'locked');
  await waits(alone);
  await stage.letGo('one');
  assert.equal(await one.ended, 0, one.text());
  assert.ok(!hasEntered(alone, 'alone'));
  await stage.letGo('two');
  assert.equal(await two.ended, 0, two.text());
  await isIn(alone, 'alone');
  await stage.letGo('alone');
  assert.equal(await alone.ended, 0, alone.text());
});

test('A1.8 sharing=private: while one build has the cache, another gets another directory', { skip }, async (t) => {
  const stage = await openStage(t);
  const first = await stage.start('first', 'private');
  await isIn(first, 'first');
  const second = await stage.start('second', 'private');
  await isIn(second, 'second');
  assert.match(second.text(), /second is in: second$/m); // nothing of the first
  await Promise.all([stage.letGo('first'), stage.letGo('second')]);
  assert.deepEqual([await first.ended, await second.ended], [0, 0]);
  const third = await stage.start('third', 'private');
  await isIn(third, 'third');
  assert.match(third.text(), /third is in: first third$/m); // the first directory again
  await stage.letGo('third');
  assert.equal(await third.ended, 0);
});
