/** `tsbuild prune`, `tsbuild du` and garbage collection: what goes, what stays, and builds that run meanwhile. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { PruneReport, StoreUse } from '../../src/cli/commands.ts';
import { fromLayout, writeContext } from '../support/context.ts';
import { unfinished, until } from '../support/machine-state.ts';
import { forRegistry, forRun, skipWithout } from '../support/needs.ts';
import { startRegistry } from '../support/registry.ts';
import { instructionsRun } from '../support/raw-events.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { mustBuild, runTsbuild, startTsbuild, type CallOptions } from '../support/tsbuild.ts';

const skip = skipWithout(...forRun);

/** A store, a context and how to build it: one call each. */
async function openStage(t: TestContext, dockerfile: string) {
  const folder = temporaryFolder(t);
  const call: CallOptions = { store: join(folder, 'store') };
  const context = await writeContext(folder, { Dockerfile: dockerfile, file: 'of the context\n' });
  const args = ['--network=none', ...await fromLayout('busybox'), context];
  return {
    call,
    args,
    setDockerfile: (text: string) => { writeFileSync(join(context, 'Dockerfile'), text); },
    /** Returns the steps that ran, but for the loading of the base. */
    build: async (...more: readonly string[]) => instructionsRun((await mustBuild([...more, ...args], call)).events).filter((text) => !text.startsWith('FROM')),
    prune: async (...more: readonly string[]): Promise<PruneReport> => JSON.parse(await must(['prune', '--force', '--json', ...more], call)) as PruneReport,
    use: async (): Promise<StoreUse> => JSON.parse(await must(['du', '--json'], call)) as StoreUse,
  };
}

async function must(args: readonly string[], call: CallOptions): Promise<string> {
  const { exitCode, stdout, stderr } = await runTsbuild(args, call);
  assert.equal(exitCode, 0, stderr);
  return stdout;
}

function blobsIn({ store }: CallOptions): readonly string[] {
  return readdirSync(join(store, 'oci/blobs/sha256')).sort();
}

const twoSteps = 'FROM busybox\nRUN --mount=type=cache,target=/c echo once >> /c/log; cat /c/log > /made\nCOPY file /file\n';
const kinds = (report: PruneReport): readonly string[] => [...new Set(report.entries.map(({ kind }) => kind))].sort();

test('prune --all removes everything but named images, and the next build makes the same image', { skip }, async (t) => {
  const { call, build, prune, use } = await openStage(t, 'FROM busybox\nRUN echo made > /made\nCOPY file /file\n');
  await build('-t', 'app');
  const before = blobsIn(call);
  const report = await prune('--all');
  assert.deepEqual(kinds(report), ['context digests', 'log', 'snapshot', 'step', 'unnamed image']);
  assert.deepEqual((await use()).kinds.map(({ kind }) => kind), ['image']);
  const image = await must(['inspect', 'app'], call);
  assert.deepEqual(await build('-t', 'app'), ['RUN echo made > /made', 'COPY file /file']);
  assert.equal(await must(['inspect', 'app'], call), image);
  assert.deepEqual(blobsIn(call), before);
});

test('prune keeps the steps that a named image shares, and takes them when it has no name any more', { skip }, async (t) => {
  const { call, build, prune } = await openStage(t, twoSteps);
  await build('-t', 'app');
  assert.deepEqual(kinds(await prune()), ['cache mount', 'unnamed image']);
  assert.deepEqual(await build('-t', 'app'), []);
  await must(['rm', 'app'], call);
  const { freedBytes } = await prune();
  assert.ok(freedBytes > 1_000_000, `the layers are gone: ${freedBytes}`);
  assert.deepEqual(blobsIn(call), []);
  assert.deepEqual(await build(), ['RUN --mount=type=cache,target=/c echo once >> /c/log; cat /c/log > /made', 'COPY file /file']);
});

test('prune --dry-run says what would go and removes nothing', { skip }, async (t) => {
  const { build, prune, use } = await openStage(t, twoSteps);
  await build();
  const before = await use();
  const { entries, freedBytes } = await prune('--all', '--dry-run');
  assert.ok(entries.length > 4);
  assert.equal(freedBytes, before.reclaimableAllBytes);
  assert.equal(before.reclaimableAllBytes, before.totalBytes, 'nothing has a name');
  assert.deepEqual(await use(), before);
  assert.equal((await prune('--all')).freedBytes, freedBytes);
  assert.equal((await use()).totalBytes, 0);
});

test('prune --filter until= takes only what was not used for so long', { skip }, async (t) => {
  const stage = await openStage(t, 'FROM busybox\nRUN echo old > /made\n');
  await stage.build();
  const records = join(stage.call.store, 'cache/v1');
  for (const name of readdirSync(records)) utimesSync(join(records, name), 1_600_000_000, 1_600_000_000);
  stage.setDockerfile('FROM busybox\nRUN echo new > /made\n');
  await stage.build();
  assert.deepEqual((await stage.prune('--filter', 'until=24h')).entries.map(({ about }) => about), ['run /bin/sh -c echo old > /made']);
  assert.deepEqual(await stage.build(), []);
  assert.deepEqual((await stage.prune('--filter', 'until=2020-01-01')).entries, []);
});

test('prune --max-used-space keeps what was used last, and stops when that fits', { skip }, async (t) => {
  const stage = await openStage(t, 'FROM busybox\nRUN head -c 3000000 /dev/zero > /made\n');
  await stage.build();
  const records = join(stage.call.store, 'cache/v1');
  const blobs = join(stage.call.store, 'oci/blobs/sha256');
  for (const folder of [records, blobs]) for (const name of readdirSync(folder)) utimesSync(join(folder, name), 1_600_000_000, 1_600_000_000);
  stage.setDockerfile('FROM busybox\nRUN head -c 3000001 /dev/zero > /made\n');
  await stage.build('-t', 'new');
  const { use, entries } = await stage.prune('--max-used-space', '7m', '--all');
  assert.ok(use.cacheBytes > 7 * 1024 ** 2);
  assert.deepEqual(entries.filter(({ kind }) => kind === 'step').map(({ about }) => about), ['run /bin/sh -c head -c 3000000 /dev/zero > /made']);
  assert.deepEqual(await stage.build('-t', 'new'), []);
});

test('a build keeps the cache within its budget, and what it made itself', { skip }, async (t) => {
  const stage = await openStage(t, 'FROM busybox\nRUN head -c 3000000 /dev/zero > /made\n');
  await stage.build('--max-used-space=off');
  stage.setDockerfile('FROM busybox\nRUN head -c 3000001 /dev/zero > /made\n');
  const { text } = await mustBuild(['--max-used-space=1', ...stage.args], stage.call);
  assert.match(text, /CACHE_PRUNED.*over its budget of 1 bytes/);
  assert.deepEqual((await stage.use()).entries.filter(({ kind }) => kind === 'step').map(({ about }) => about), ['run /bin/sh -c head -c 3000001 /dev/zero > /made']);
  assert.deepEqual(await stage.build('--max-used-space=1'), []);
});

test('a build that collects garbage takes nothing that another one uses which is running', { skip, timeout: 60_000 }, async (t) => {
  const stage = await openStage(t, 'FROM busybox\nRUN head -c 3000000 /dev/zero > /early\nRUN --mount=type=cache,target=/c echo it waits; until [ -e /c/go ]; do usleep 10000; done\nRUN wc -c < /early > /late\n');
  const running = startTsbuild(['build', '--progress=plain', '-t', 'app', ...stage.args], stage.call);
  t.after(() => running.kill('SIGKILL'));
  let text = '';
  running.stderr?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const closed = once(running, 'close');
  await until('the step waits', () => /^#\d+ [\d.]+ it waits$/m.test(text), 60_000);
  stage.setDockerfile('FROM busybox\nRUN head -c 3000001 /dev/zero > /made\n');
  await stage.build('--max-used-space=1');
  const mounts = join(stage.call.store, 'mounts/v1');
  for (const name of readdirSync(mounts)) if (!name.endsWith('.lock')) writeFileSync(join(mounts, name, 'data/go'), '');
  assert.deepEqual(await closed, [0, null], text);
  await must(['store', 'verify'], stage.call);
  assert.deepEqual((await stage.use()).entries.filter(({ kind }) => kind === 'step').length, 4, 'both builds have what they made');
});

test('a base image that was pulled is no named image: prune keeps it, --all and the budget take it, and a build fetches it again', { skip: skip || skipWithout(...forRegistry) }, async (t) => {
  const registry = await startRegistry(t);
  const base = await registry.push('busybox');
  const stage = await openStage(t, `FROM ${base}\nRUN echo made > /made\n`);
  const bases = async (): Promise<readonly string[]> => (await stage.use()).entries.filter(({ kind }) => kind === 'base image').map(({ about }) => about);
  await stage.build('-t', 'app');
  assert.deepEqual(await bases(), [base]);
  assert.deepEqual((await stage.prune()).entries.filter(({ kind }) => kind === 'base image'), []);
  assert.deepEqual((await stage.prune('--filter', 'type=base-image')).entries, []);
  const dry = await stage.prune('--all', '--filter', 'type=base-image', '--dry-run');
  assert.deepEqual(dry.entries.map(({ about }) => about), [base]);
  assert.deepEqual(await bases(), [base]);
  const { entries, freedBytes } = await stage.prune('--all', '--filter', 'type=base-image');
  assert.deepEqual([entries.map(({ kind, about }) => [kind, about]), freedBytes], [[['base image', base]], dry.freedBytes]);
  assert.deepEqual(await bases(), []);
  await must(['store', 'verify'], stage.call);
  await must(['inspect', 'app'], stage.call);
  await stage.build('-t', 'app');
  assert.deepEqual(await bases(), [base]);
  await must(['tag', base, 'mine'], stage.call);
  assert.deepEqual((await stage.prune('--all')).entries.filter(({ kind }) => kind === 'base image').length, 0, 'somebody gave it a name, and it is no longer of its own');
  await must(['rm', 'mine'], stage.call);
  stage.setDockerfile('FROM busybox\nRUN head -c 3000001 /dev/zero > /made\n');
  await mustBuild(['--max-used-space=1', ...stage.args], stage.call);
  assert.deepEqual(await bases(), [], 'the budget took it');
  await must(['store', 'verify'], stage.call);
});

test('prune --filter type= takes only these kinds, in BuildKit\'s words too, and together with until=', { skip }, async (t) => {
  const { build, prune, use } = await openStage(t, twoSteps);
  await build();
  const left = async (): Promise<readonly string[]> => (await use()).kinds.map(({ kind }) => kind);
  assert.deepEqual(kinds(await prune('--filter', 'type=exec.cachemount,until=24h')), []);
  assert.deepEqual(kinds(await prune('--filter', 'type=exec.cachemount')), ['cache mount']);
  assert.deepEqual(kinds(await prune('--all', '--filter', 'type=log', '--filter', 'type=source.local')), ['context digests', 'log']);
  assert.deepEqual(kinds(await prune('--filter', 'type=frontend')), []);
  assert.deepEqual((await left()).filter((kind) => ['cache mount', 'log', 'context digests'].includes(kind)), []);
  assert.ok((await left()).includes('step'));
});

test('du counts every byte once: the entries of a kind sum up to it, and the kinds to the total', { skip }, async (t) => {
  const { call, build, use } = await openStage(t, twoSteps);
  await build('-t', 'app', '-o', `type=oci,dest=${call.store}.tar`);
  const { kinds: byKind, entries, totalBytes } = await use();
  const sum = (sizes: readonly { readonly sizeBytes: number }[]): number => sizes.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
  for (const { kind, count, sizeBytes } of byKind) {
    const some = entries.filter((entry) => entry.kind === kind);
    assert.deepEqual([some.length, sum(some)], [count, sizeBytes], kind);
  }
  assert.equal(sum(byKind), totalBytes);
  const blobBytes = blobsIn(call).reduce((total, name) => total + statSync(join(call.store, 'oci/blobs/sha256', name)).size, 0);
  assert.ok(totalBytes > blobBytes, `${totalBytes} bytes are more than the ${blobBytes} of the blobs`);
  const text = await must(['du', '--verbose'], call);
  assert.equal(text.split('\n\n')[0]?.trimEnd().split('\n').length, entries.length + 1);
});

test('prune takes nothing that a running build uses, and the build goes on to the same image', { skip }, async (t) => {
  const wait = 'FROM busybox\nRUN echo early > /early\nRUN --mount=type=cache,target=/c echo it waits; until [ -e /c/go ]; do sleep 0.02; done\nRUN cat /early > /late\n';
  const stage = await openStage(t, wait);
  const running = startTsbuild(['build', '--progress=plain', '-t', 'app', ...stage.args], stage.call);
  t.after(() => running.kill('SIGKILL'));
  let text = '';
  running.stderr?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const closed = once(running, 'close');
  await until('the step waits', () => /^#\d+ [\d.]+ it waits$/m.test(text), 60_000);
  const report = await stage.prune('--all');
  assert.deepEqual(report.entries.filter(({ kind }) => kind !== 'unnamed image' && kind !== 'loose blob'), []);
  const mounts = join(stage.call.store, 'mounts/v1');
  for (const name of readdirSync(mounts)) if (!name.endsWith('.lock')) writeFileSync(join(mounts, name, 'data/go'), '');
  assert.deepEqual(await closed, [0, null], text);
  assert.deepEqual(await stage.build('-t', 'app'), []);
});

test('builds and prunes at once: every build succeeds with the same image', { skip }, async (t) => {
  const stage = await openStage(t, `${twoSteps}RUN cat /made /file > /both\n`.replace('cat /c/log', 'echo made'));
  const build = async (): Promise<string | undefined> => (await mustBuild(['-t', 'app', ...stage.args], stage.call)).summary?.imageID;
  const expected = await build();
  let isDone = false;
  const pruning = (async () => {
    let count = 0;
    for (; !isDone; count += 1) await must(['prune', '--all', '--force', ...(count % 2 === 0 ? ['--max-used-space', '1k'] : [])], stage.call);
    return count;
  })();
  const building = async (): Promise<void> => {
    for (let count = 0; count < 4; count += 1) {
      assert.equal(await build(), expected);
      if (count % 2 === 0) await runTsbuild(['rm', 'app'], stage.call);
    }
  };
  await Promise.all([building(), building()]).finally(() => { isDone = true; });
  assert.ok((await pruning) > 2);
  assert.deepEqual(await unfinished(stage.call.store), []);
});

test('a prune that is killed leaves a store that works, and the next call removes what it had set aside', { skip }, async (t) => {
  const stage = await openStage(t, twoSteps);
  await stage.build('-t', 'app');
  for (let delay = 0; delay < 8; delay += 1) {
    const child = startTsbuild(['prune', '--all', '--force'], stage.call);
    const closed = once(child, 'close');
    // A kill at another moment each round: after so many changes of the store's folder.
    await Promise.race([closed, until('it has begun', () => readdirSync(join(stage.call.store, 'tmp')).length >= 1 + (delay % 2), 5000)]);
    child.kill('SIGKILL');
    await closed;
    await stage.build('-t', 'app');
    assert.deepEqual(await unfinished(stage.call.store), []);
  }
});

test('prune without a terminal wants --force, and refuses values that it does not know', async (t) => {
  const call = { store: join(temporaryFolder(t), 'store') };
  for (const args of [['prune'], ['prune', '-f', '--filter', 'label=x'], ['prune', '-f', '--filter', 'type=image'], ['prune', '-f', '--filter', 'type=x'], ['prune', '-f', '--filter', 'until=1h,until=2h'], ['prune', '-f', '--max-used-space', 'much'], ['prune', '-f', '--keep-storage=1g', '--max-used-space=1g']]) {
    assert.equal((await runTsbuild(args, call)).exitCode, 2, args.join(' '));
  }
});
