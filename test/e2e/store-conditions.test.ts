/** A store under bad conditions: many builds at once, a full or read-only disk, few descriptors, wrong clocks, a terminal that goes away. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, utimesSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fromLayout, writeContext } from '../support/context.ts';
import { mountsBelow, processesWith, unfinished, until } from '../support/machine-state.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { instructionsRun, parseRawLines } from '../support/raw-events.ts';
import { mustRun, runProcess } from '../support/run-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { buildRaw, callEnvironment, mustBuild, program, runTsbuild, type CallOptions } from '../support/tsbuild.ts';

const skip = skipWithout(...forRun);
const steps = 'FROM busybox\nRUN echo made > /made\nCOPY file /file\n';

async function mustVerify(call: CallOptions): Promise<void> {
  const { exitCode, stdout } = await runTsbuild(['store', 'verify'], call);
  assert.equal(exitCode, 0, stdout);
  assert.deepEqual(await unfinished(call.store), []);
}

test('twenty builds at once on a new store: every one is right, each step is done by one of them, and the store is right', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const call = { store: join(folder, 'store') };
  const base = await fromLayout('busybox');
  const kinds = await Promise.all([0, 1, 2, 3].map((kind) => writeContext(join(folder, String(kind)), {
    Dockerfile: `FROM busybox\nRUN --mount=type=cache,target=/c echo shared > /made; echo x >> /c/log\nCOPY file /file\nRUN echo ${kind} > /kind\n`,
    file: 'of the context\n',
  })));
  const builds = await Promise.all(Array.from({ length: 20 }, (_, at) => mustBuild(['--network=none', ...base, '-t', `app${at}`, kinds[at % 4] ?? ''], call)));
  for (const [at, { summary }] of builds.entries()) assert.equal(summary?.imageID, builds[at % 4]?.summary?.imageID);
  assert.equal(new Set(builds.map(({ summary }) => summary?.imageID)).size, 4);
  const ran = builds.flatMap(({ events }) => instructionsRun(events)).filter((text) => /^(RUN|COPY)/.test(text));
  assert.deepEqual(ran.map((text) => text.replace(/^RUN --mount.*/, 'RUN shared')).sort(), ['COPY file /file', ...[0, 1, 2, 3].map((kind) => `RUN echo ${kind} > /kind`), 'RUN shared']);
  const names = JSON.parse((await runTsbuild(['images', '--json'], call)).stdout) as readonly unknown[];
  assert.equal(names.length, 20);
  await mustVerify(call);
});

/** A file system of so many bytes, for the length of the work. */
async function onSmallDisk(size: string, work: (root: string) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'tsbuild-disk-'));
  await mustRun('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=755`, 'tsbuild-test', root]);
  try {
    await work(root);
  } finally {
    await mustRun('umount', [root]);
    await rm(root, { recursive: true });
  }
}

test('a disk that is really full: the error says what to do, prune works on it, and the build after that is right', { skip }, async (t) => {
  const context = await writeContext(temporaryFolder(t), { Dockerfile: 'FROM busybox\nRUN head -c 3000000 /dev/zero > /made\nCOPY file /file\n', file: 'a'.repeat(5_000_000) });
  const args = ['--network=none', '--max-used-space=off', ...await fromLayout('busybox')];
  await onSmallDisk('16m', async (disk) => {
    const call = { store: join(disk, 'store') };
    const old = await writeContext(disk, { Dockerfile: 'FROM busybox\nRUN head -c 2500000 /dev/zero > /old\n' });
    await mustBuild([...args, old], call);
    const full = await buildRaw([...args, context], call);
    assert.equal(full.exitCode, 3, full.text);
    assert.equal(full.error?.code, 'DISK_FULL');
    assert.match(full.text, /tsbuild prune/);
    assert.deepEqual(await unfinished(call.store), []);
    await mustVerify(call);
    assert.match((await runTsbuild(['store', 'verify'], call)).stdout, /all right; \d+ unpacked layers not compared: the disk is full$/m);
    const pruned = await runTsbuild(['prune', '--all', '--force'], call);
    assert.equal(pruned.exitCode, 0, pruned.stderr);
    await mustRun('mount', ['-o', 'remount,size=64m', disk]);
    await mustBuild([...args, context], call);
    await mustVerify(call);
  });
});

test('a read-only store is told as one, also by prune, and works again when it can be written', { skip }, async (t) => {
  const context = await writeContext(temporaryFolder(t), { Dockerfile: steps, file: 'x' });
  const args = ['--network=none', ...await fromLayout('busybox'), context];
  await onSmallDisk('64m', async (disk) => {
    const call = { store: join(disk, 'store') };
    const expected = (await mustBuild(args, call)).summary?.imageID;
    await mustRun('mount', ['-o', 'remount,ro', disk]);
    const refused = await buildRaw(args, call);
    assert.deepEqual([refused.exitCode, refused.error?.code], [3, 'STORE_READ_ONLY']);
    const pruned = await runTsbuild(['prune', '--force'], call);
    assert.match(`${pruned.exitCode} ${pruned.stderr}`, /^3 ERROR: open store .*read-only file system/);
    await mustRun('mount', ['-o', 'remount,rw', disk]);
    assert.equal((await mustBuild(args, call)).summary?.imageID, expected);
  });
});

test('with few descriptors a build succeeds or says so, and the next one is right', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const context = await writeContext(folder, { Dockerfile: steps, file: 'x' });
  const args = ['--network=none', ...await fromLayout('busybox'), context];
  const expected = (await mustBuild(args, { store: join(folder, 'good') })).summary?.imageID;
  const codes: string[] = [];
  for (const limit of [26, 30, 34, 40, 64]) {
    const call = { store: join(folder, `store-${limit}`) };
    const script = `ulimit -n ${limit}; exec "$@"`;
    const { exitCode, stderr } = await runProcess('sh', ['-c', script, 'sh', process.execPath, program, 'build', '--progress=rawjson', ...args], { cwd: '/', env: callEnvironment(call) });
    const { error } = parseRawLines(stderr);
    codes.push(`${limit}: ${exitCode} ${error?.code ?? ''}`);
    if (exitCode !== 0) assert.ok(exitCode === 3 && error !== undefined && /EMFILE|too many open files/i.test(error.message), stderr);
    assert.equal((await mustBuild(args, call)).summary?.imageID, expected);
    await mustVerify(call);
  }
  assert.ok(codes.some((code) => code.startsWith('26: 3')) && codes.includes('64: 0 '), codes.join('; '));
});

test('a clock that was wrong, in either direction, changes no result', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const call = { store: join(folder, 'store') };
  const args = ['--network=none', ...await fromLayout('busybox'), '-t', 'app', await writeContext(folder, { Dockerfile: steps, file: 'x' })];
  const expected = (await mustBuild(args, call)).summary;
  for (const seconds of [1, 4_000_000_000]) {
    const names = readdirSync(call.store, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && !entry.parentPath.includes('snapshots'));
    for (const entry of names) utimesSync(join(entry.parentPath, entry.name), seconds, seconds);
    const { summary } = await mustBuild(args, call);
    assert.deepEqual([summary?.imageID, summary?.stepsCached], [expected?.imageID, expected?.stepsTotal]);
    await mustVerify(call);
    assert.equal((await runTsbuild(['prune', '--force', '--filter', 'until=1h'], call)).exitCode, 0);
    assert.equal((await mustBuild(args, call)).summary?.imageID, expected?.imageID);
  }
});

/** A build in a terminal of its own, which is in the middle of a step when this returns. */
async function buildInTerminal(t: TestContext, marker: string) {
  const folder = temporaryFolder(t);
  const call = { store: join(folder, 'store') };
  const context = await writeContext(folder, { Dockerfile: `FROM busybox\nRUN sleep ${marker}\n` });
  const words = [process.execPath, program, 'build', '--network=none', ...await fromLayout('busybox'), context];
  await mkdir(call.store);
  const terminal = spawn('script', ['-qfec', words.join(' '), '/dev/null'], { cwd: '/', env: { ...callEnvironment(call), TERM: 'xterm' }, stdio: ['pipe', 'ignore', 'ignore'] });
  const closed = once(terminal, 'close');
  t.after(() => terminal.kill('SIGKILL'));
  await until('the step sleeps', () => processesWith(`sleep\0${marker}`).length === 1, 30_000);
  return { terminal, closed, call, context };
}

test('a terminal that goes away ends the build and leaves nothing behind', { skip: skip || skipWithout({ program: 'script' }) }, async (t) => {
  const marker = `8${process.pid}1`;
  const { terminal, closed, call, context } = await buildInTerminal(t, marker);
  terminal.kill('SIGKILL');
  await closed;
  await until('the step is gone', () => processesWith(`sleep\0${marker}`).length === 0, 30_000);
  await until('the build is gone', () => processesWith(context).length === 0, 30_000);
  assert.deepEqual(await unfinished(call.store), []);
  assert.deepEqual(mountsBelow(call.store), []);
});

test('Ctrl-C in a terminal ends the build with 130 and leaves nothing behind', { skip: skip || skipWithout({ program: 'script' }) }, async (t) => {
  const marker = `8${process.pid}2`;
  const { terminal, closed, call } = await buildInTerminal(t, marker);
  terminal.stdin.write('\x03');
  assert.deepEqual((await closed)[0], 130);
  assert.deepEqual(processesWith(`sleep\0${marker}`), []);
  assert.deepEqual(await unfinished(call.store), []);
});
