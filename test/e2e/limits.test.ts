/** Limits of RUN from the command line: bombs end as failed steps, with the limit and the line; groups never stay. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { parseLayout } from '../../src/sandbox/cgroup/layout.ts';
import { fromLayout, writeContext } from '../support/context.ts';
import { until } from '../support/machine-state.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { buildRaw, mustBuild, runTsbuild, startTsbuild } from '../support/tsbuild.ts';

const layout = parseLayout(readFileSync('/proc/self/mountinfo', 'utf8'), readFileSync('/proc/self/cgroup', 'utf8'));
const skip = skipWithout(...forRun) || (layout?.version === 1 ? false : 'needs the controllers of cgroup v1');

/** Groups of builds, in all trees, but for those that the other tests of this machine have just now. */
function groupsOf(pid: number | undefined): readonly string[] {
  return (layout?.hierarchies ?? []).flatMap(({ mount, own }) => readdirSync(join(mount, own)).filter((name) => name.startsWith('tsbuild-') && name.split('-')[2] === String(pid)));
}

let folder: string;
before(async () => { folder = await mkdtemp(join(tmpdir(), 'tsbuild-limits-')); });
after(() => rm(folder, { recursive: true, force: true }));
let contexts = 0;
const write = async (run: string): Promise<readonly string[]> => [...await fromLayout('busybox'), '--network=none', await writeContext(join(folder, `c${contexts += 1}`), { Dockerfile: `FROM busybox\n${run}\n` })];
const store = (): string => join(folder, 'store');

test('a memory bomb ends as a failed step that names the limit and the line of the Dockerfile', { skip }, async () => {
  const args = await write(`RUN x=$(head -c 200000000 /dev/zero | tr '\\0' x)`);
  const { exitCode, stderr } = await runTsbuild(['build', '--progress=plain', '--memory=32m', '--memory-swap=32m', ...args], { store: store() });
  assert.equal(exitCode, 1);
  assert.match(stderr, /did not complete successfully: .*: out of memory: the limit is 32m, and the kernel killed \w+ process/);
  assert.match(stderr, /Dockerfile:2/);
  assert.match(stderr, /Give the step more with --memory\./);
  const raw = await buildRaw(['--memory=32m', '--memory-swap=32m', ...args], { store: store() });
  assert.equal(raw.error?.code, 'STEP_OUT_OF_MEMORY');
  const used = raw.events.flatMap((event) => (event.type === 'step-failed' ? [event.usage?.peakMemoryBytes ?? 0] : []));
  assert.ok(used.length === 1 && (used[0] ?? 0) > 24 << 20, used.join());
  const logs = await runTsbuild(['logs'], { store: store() });
  assert.match(logs.stderr, /^(exit code [1-9]\d*|killed by SIGKILL); [\d.]+s of processor time, (2[5-9]|3[0-3])\.\d\dMB of memory at most, \S+ read, \S+ written\n$/);
});

test('a fork bomb ends as a failed step that names the limit', { skip }, async () => {
  const { exitCode, stderr } = await runTsbuild(['build', '--progress=plain', '--pids-limit=40', ...await write('RUN bomb() { bomb | bomb & }; bomb; i=0; while [ $i -lt 60 ]; do sleep 1000 & i=$((i+1)); done')], { store: store() });
  assert.equal(exitCode, 1);
  assert.match(stderr, /out of processes: the limit is 40/);
  assert.match(stderr, /Give the step more with --pids-limit/);
});

test('a process that is killed for memory while its step goes on is told', { skip }, async () => {
  const { events } = await mustBuild(['--memory=32m', '--memory-swap=32m', ...await write(`RUN tail /dev/zero || echo went on`)], { store: store() });
  const notes = events.flatMap((event) => (event.type === 'step-note' ? [event.text] : []));
  assert.ok(notes.some((text) => /^out of memory: the limit is 32m, and the kernel killed a process; the step went on/.test(text)), notes.join('\n'));
});

test('limits are in no key: a step that was done is not done again under others; what it used is told', { skip }, async () => {
  const args = await write('RUN head -c 5000000 /dev/zero > /f');
  const first = await mustBuild(args, { store: store() });
  const used = first.events.flatMap((event) => (event.type === 'step-done' && event.usage !== undefined ? [event.usage] : []))[0];
  assert.ok((used?.peakMemoryBytes ?? 0) > 5_000_000);
  assert.ok(used !== undefined && used.userMs + used.systemMs > 0 && used.readBytes !== undefined && used.writtenBytes !== undefined);
  const second = await mustBuild(['-m', '64m', '--cpus', '0.5', '--pids-limit', '50', ...args], { store: store() });
  assert.equal(second.summary?.stepsCached, second.summary?.stepsTotal);
  assert.equal(second.summary?.imageID, first.summary?.imageID);
});

test('processors that the machine has not end the build as wrong usage', { skip }, async () => {
  const { error, exitCode } = await buildRaw(['--cpuset-cpus=4000', ...await write('RUN true')], { store: store() });
  assert.equal(exitCode, 2);
  assert.equal(error?.code, 'LIMIT_REFUSED');
});

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
  test(`${signal} leaves no control group${signal === 'SIGKILL' ? ' behind the next build' : ''}`, { skip }, async () => {
    const child = startTsbuild(['build', '--progress=plain', ...await write('RUN echo started; sleep 1000')], { store: store() });
    const closed = once(child, 'close');
    let text = '';
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => { text += chunk; });
    await until('the step runs', () => /^#\d+ [\d.]+ started$/m.test(text));
    assert.ok(groupsOf(child.pid).length >= 2);
    child.kill(signal);
    await closed;
    if (signal === 'SIGKILL') await mustBuild(await write(`RUN echo ${child.pid ?? 0}`), { store: store() });
    assert.deepEqual(groupsOf(child.pid), []);
  });
}
