/** What fills disks, tables and memories: it ends with a message, in bounded memory, and the store works afterwards. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { makeTar } from '../layer/support.ts';
import { baseImage } from '../support/base-images.ts';
import { fromLayout, writeContext } from '../support/context.ts';
import { editLayout } from '../support/edit-layout.ts';
import { processesWith, unfinished } from '../support/machine-state.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { runProcess } from '../support/run-process.ts';
import { buildRaw, callEnvironment, mustBuild, program, runTsbuild } from '../support/tsbuild.ts';

const skip = skipWithout(...forRun);
let folder: string;
let busybox: readonly string[];
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tsbuild-bombs-'));
  if (skip === false) busybox = [...await fromLayout('busybox'), '--network=none'];
});
after(() => rm(folder, { recursive: true, force: true }));
let count = 0;
const context = (files: Readonly<Record<string, string>>): Promise<string> => writeContext(join(folder, `c${(count += 1)}`), files);

/** A file system of its own for a store, so small that it fills up. */
async function smallStore(t: TestContext, options: string): Promise<string> {
  const store = join(folder, `small${(count += 1)}`);
  await mkdir(store);
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', store]);
  t.after(() => execFileSync('umount', [store]));
  return store;
}

/** The store has no part of what failed, and builds. */
async function stillWorks(store: string): Promise<void> {
  assert.deepEqual(await unfinished(store), []);
  await mustBuild([...busybox, await context({ Dockerfile: 'FROM busybox\nRUN echo still works > /f\n' })], { store });
}

test('a step that fills the disk of the store, on which its log is too, is told as a full disk, and the store works afterwards', { skip }, async (t) => {
  const store = await smallStore(t, 'size=48m');
  const { error, exitCode } = await buildRaw([...busybox, await context({ Dockerfile: 'FROM busybox\nRUN cat /dev/zero > /fill\n' })], { store });
  assert.equal(exitCode, 3);
  assert.equal(error?.code, 'DISK_FULL');
  await stillWorks(store);
});

test('a layer that does not fit on the disk is told as a full disk, and the store works afterwards', { skip }, async (t) => {
  const store = await smallStore(t, 'size=40m');
  const { error, exitCode } = await buildRaw([...busybox, await context({ Dockerfile: 'FROM busybox\nRUN head -c 24000000 /dev/urandom > /half\n' })], { store });
  assert.equal(exitCode, 3);
  assert.equal(error?.code, 'DISK_FULL');
  await stillWorks(store);
});

test('an archive of megabytes that grows to gigabytes is told as a full disk, and the store works afterwards', { skip }, async (t) => {
  const store = await smallStore(t, 'size=48m');
  const directory = await context({ Dockerfile: 'FROM busybox\nADD bomb.tar.gz /\n' });
  // Members of gzip one behind the other are one archive (RFC 1952): a header of tar, then zeros without end.
  const zeros = gzipSync(Buffer.alloc(8 << 20), { level: 9 });
  makeTar(join(directory, 'bomb.tar'), `m = TarInfo('bomb'); m.size = 375 * (8 << 20); out.write(m.tobuf())`);
  const header = gzipSync(readFileSync(join(directory, 'bomb.tar')).subarray(0, 512));
  rmSync(join(directory, 'bomb.tar'));
  writeFileSync(join(directory, 'bomb.tar.gz'), Buffer.concat([header, ...Array.from({ length: 375 }, () => zeros)]));
  const { error, exitCode } = await buildRaw([...busybox, directory], { store });
  assert.equal(exitCode, 3);
  assert.equal(error?.code, 'DISK_FULL');
  await stillWorks(store);
});

test('an archive of more files than the disk has inodes is told as a full disk, and the store works afterwards', { skip }, async (t) => {
  const store = await smallStore(t, 'size=256m,nr_inodes=3000');
  const directory = await context({ Dockerfile: 'FROM busybox\nADD inodes.tar /\n' });
  makeTar(join(directory, 'inodes.tar'), `[f('f%d' % i, '') for i in range(6000)]`);
  const { error, exitCode } = await buildRaw([...busybox, directory], { store });
  assert.equal(exitCode, 3);
  assert.equal(error?.code, 'DISK_FULL');
  await stillWorks(store);
});

test('daemons of a step end with it, however they are detached, and hold nothing up', { skip }, async () => {
  const seconds = `7${process.pid}.25`;
  const dockerfile = `FROM busybox\nRUN for i in 1 2 3; do (trap '' TERM HUP INT; setsid sleep ${seconds} < /dev/null > /dev/null 2>&1 &); done; echo done\n`;
  await mustBuild([...busybox, await context({ Dockerfile: dockerfile })], { store: join(folder, 'store') });
  assert.deepEqual(processesWith(seconds), []);
});

test('130 layers of a base image are one root', { skip }, async () => {
  const layout = join(folder, 'many-layers');
  await editLayout({
    from: await baseImage('busybox'),
    folder: layout,
    times: 130,
    config: (old) => JSON.stringify({ ...old, history: undefined, rootfs: { type: 'layers', diff_ids: Array.from({ length: 130 }, () => old.rootfs.diff_ids).flat() } }),
  });
  await mustBuild(['--build-context', `many=oci-layout://${layout}:latest`, '--network=none', await context({ Dockerfile: 'FROM many\nRUN echo fine > /f\n' })], { store: join(folder, 'store') });
});

/** Dockerfiles and ignore files that cost other builders minutes or gigabytes. */
const dockerfiles: readonly { readonly name: string; readonly files: () => Readonly<Record<string, string>>; readonly exitCode: number }[] = [
  { name: 'ENV that doubles to 4 GiB', files: () => ({ Dockerfile: `FROM scratch\nENV A=0123456789abcdef\n${'ENV A=$A$A\n'.repeat(28)}` }), exitCode: 2 },
  { name: 'ARG that doubles to 4 GiB', files: () => ({ Dockerfile: `FROM scratch\nARG A=0123456789abcdef\n${'ARG A=$A$A\n'.repeat(28)}LABEL x=$A\n` }), exitCode: 2 },
  { name: 'a line of 20 MB', files: () => ({ Dockerfile: `FROM scratch\nLABEL a=${'x'.repeat(20_000_000)}\n` }), exitCode: 2 },
  { name: '20000 nested substitutions', files: () => ({ Dockerfile: `FROM scratch\nENV A=${'${A:-'.repeat(10_000)}x${'}'.repeat(10_000)}\n` }), exitCode: 2 },
  { name: '500000 continued lines', files: () => ({ Dockerfile: `FROM scratch\nLABEL ${'a=b \\\n'.repeat(500_000)} c=d\n` }), exitCode: 0 },
  { name: '300 stages, each of the one before', files: () => ({ Dockerfile: `FROM scratch AS s0\nCOPY f /f\n${Array.from({ length: 300 }, (_, index) => `FROM s${index} AS s${index + 1}\nLABEL l${index}=x\n`).join('')}`, f: '' }), exitCode: 0 },
  { name: 'patterns of many stars in an ignore file', files: () => ({ Dockerfile: 'FROM scratch\nCOPY . /\n', '.dockerignore': `${'a*'.repeat(30)}b\n${'**/'.repeat(40)}x\n`, ['a'.repeat(200)]: '' }), exitCode: 0 },
  { name: 'patterns of many stars in COPY', files: () => ({ Dockerfile: `FROM scratch\nCOPY ${'a*'.repeat(30)}b* Dockerfile /x/\n`, ['a'.repeat(200)]: '' }), exitCode: 0 },
];
for (const { name, files, exitCode } of dockerfiles) {
  test(`a Dockerfile that costs much does not: ${name}`, async () => {
    const directory = await context(files());
    const finished = await runProcess(process.execPath, ['--max-old-space-size=256', program, 'build', '--progress=quiet', '-o', 'type=cacheonly', directory], { cwd: '/', env: callEnvironment({ store: join(folder, 'store') }) });
    assert.equal(finished.exitCode, exitCode, finished.stderr.slice(0, 500));
    assert.doesNotMatch(finished.stderr, /^\s+at .*[:(]\d+/m, 'no stack trace');
  });
}

test('an image config or manifest of 64 MB, and one nested 200000 deep, end with a message in bounded memory', { skip }, async () => {
  for (const [name, text] of [['large', `{"a":"${'x'.repeat(64 << 20)}"}`], ['deep', '['.repeat(200_000)], ['null', 'null']] as const) {
    const layout = join(folder, `config-${name}`);
    await editLayout({ from: await baseImage('busybox'), folder: layout, config: () => text });
    const directory = await context({ Dockerfile: 'FROM odd\nRUN true\n' });
    const finished = await runProcess(process.execPath, ['--max-old-space-size=256', program, 'build', '--progress=quiet', '--build-context', `odd=oci-layout://${layout}:latest`, directory], { cwd: '/', env: callEnvironment({ store: join(folder, 'store') }) });
    assert.equal(finished.exitCode, 4, finished.stderr.slice(0, 500));
    assert.doesNotMatch(finished.stderr, /^\s+at .*[:(]\d+/m);
  }
});

test('a context of links in a circle, very deep folders and very long names is read to its end', { skip }, async () => {
  const directory = await context({ Dockerfile: 'FROM busybox\nCOPY . /x\n' });
  let at = directory;
  for (let depth = 0; depth < 300; depth++) {
    at = join(at, 'd'.repeat(10));
    if (at.length < 3500) mkdirSync(at);
    else break;
  }
  writeFileSync(join(directory, 'n'.repeat(255)), '');
  execFileSync('ln', ['-s', 'b', join(directory, 'a')]);
  execFileSync('ln', ['-s', 'a', join(directory, 'b')]);
  await mustBuild([...busybox, directory], { store: join(folder, 'store') });
  assert.ok(readdirSync(directory).length >= 5);
  rmSync(directory, { recursive: true });
});

test('the command line names what is wrong with a store on a disk without room at all', { skip }, async (t) => {
  const store = await smallStore(t, 'size=4k,nr_inodes=2');
  const { exitCode, stderr } = await runTsbuild(['build', '--progress=quiet', ...busybox, await context({ Dockerfile: 'FROM busybox\nRUN true\n' })], { store });
  assert.equal(exitCode, 3);
  assert.match(stderr, /no space left|DISK_FULL/i);
});
