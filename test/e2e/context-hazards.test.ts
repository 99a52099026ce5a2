/** Contexts that go wrong: what cannot be read, what is no file, what changes while it is read, names made to mislead. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { writeContext } from '../support/context.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { mustRun, runProcess, type Finished } from '../support/run-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { callEnvironment, mustBuild, program, runTsbuild } from '../support/tsbuild.ts';

const dockerfile = 'FROM scratch\nCOPY . /\n';

/** Runs tsbuild so that permissions count, also for root. */
async function runWithoutPrivilege(words: readonly string[], folder: string): Promise<Finished> {
  const drop = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search'] : [];
  const [command = '', ...rest] = [...drop, process.execPath, program, ...words];
  return runProcess(command, rest, { cwd: folder, env: callEnvironment({ store: join(folder, 'store') }) });
}

/** Runs tsbuild in a folder whose `context` holds these files, one path of it locked: its owner may not read it meanwhile. */
async function runLocked(t: TestContext, files: Readonly<Record<string, string>>, locked: string, words: readonly string[]): Promise<Finished> {
  const folder = temporaryFolder(t);
  const path = join(await writeContext(folder, { Dockerfile: dockerfile, ...files }), locked);
  await chmod(path, 0);
  try {
    return await runWithoutPrivilege(words, folder);
  } finally {
    await chmod(path, 0o700);
  }
}

const buildWords = ['build', '-o', 'type=cacheonly', 'context'];

const locked: readonly (readonly [what: string, files: Readonly<Record<string, string>>, path: string, message: RegExp])[] = [
  ['a file', { 'a/secret': 'x' }, 'a/secret', /^ERROR: read context: a\/secret: permission denied \(CONTEXT_UNREADABLE\)$/m],
  ['a directory', { 'a/b/c': 'x' }, 'a/b', /^ERROR: read context: a\/b: permission denied \(CONTEXT_UNREADABLE\)$/m],
  ['a name with a line end', { 'a\nb': 'x' }, 'a\nb', /^ERROR: read context: "a\\nb": permission denied \(CONTEXT_UNREADABLE\)$/m],
  ['the ignore file', { '.dockerignore': 'x' }, '.dockerignore', /\.dockerignore: permission denied \(IGNORE_UNREADABLE\)$/m],
  ['the Dockerfile', {}, 'Dockerfile', /Dockerfile: permission denied \(DOCKERFILE_UNREADABLE\)$/m],
];
for (const [what, files, path, message] of locked) {
  test(`a build says that it may not read ${what}, and what to do`, { skip: skipWithout(...forRun) }, async (t) => {
    const { exitCode, stderr } = await runLocked(t, files, path, buildWords);
    assert.equal(exitCode, 2, stderr);
    assert.match(stderr, message);
    assert.match(stderr, /\nhint: [^\n]*\n$/);
  });
}

test('what may not be read does not matter where the ignore file names it', { skip: skipWithout(...forRun) }, async (t) => {
  const { exitCode, stderr } = await runLocked(t, { 'a/b/c': 'x', '.dockerignore': 'a\n' }, 'a/b', buildWords);
  assert.equal(exitCode, 0, stderr);
});

test('a context below what may not be read is told as such', async (t) => {
  for (const command of ['build', 'context', 'check']) {
    const { exitCode, stderr } = await runLocked(t, { 'a/b/c': 'x' }, 'a', [command, 'context/a/b']);
    assert.equal(exitCode, 2, command);
    assert.match(stderr, /^ERROR: .*: permission denied \(\w+\)$/m, command);
  }
});

test('tsbuild context lists what it can, and warns of a directory that it may not read', async (t) => {
  const { exitCode, stdout, stderr } = await runLocked(t, { 'a/b/c': 'x', d: 'x' }, 'a/b', ['context', 'context']);
  assert.equal(exitCode, 0);
  assert.match(stdout, / a\/\n.* a\/b\/\n.* d\n/);
  assert.equal(stderr, 'WARNING: read context: a/b: permission denied (CONTEXT_UNREADABLE)\n');
});

test('tsbuild context warns of a suspect file that it may not read', async (t) => {
  const { exitCode, stderr } = await runLocked(t, { 'e.pem': '' }, 'e.pem', ['context', 'context']);
  assert.deepEqual([exitCode, stderr], [0, 'WARNING: read context: e.pem: permission denied (CONTEXT_UNREADABLE)\n']);
});

test('tsbuild context refuses to say of a path that it cannot see whether it is there', async (t) => {
  const { exitCode, stdout, stderr } = await runLocked(t, { 'a/b/c': 'x' }, 'a/b', ['context', 'context', 'a/b/c']);
  assert.deepEqual([exitCode, stdout], [2, '']);
  assert.match(stderr, /^ERROR: read context: a\/b: permission denied \(CONTEXT_UNREADABLE\)$/m);
});

test('pipes and devices are copied as what they are, never opened', { skip: skipWithout(...forRun) }, async (t) => {
  const folder = temporaryFolder(t);
  const context = await writeContext(folder, { Dockerfile: 'FROM scratch\nCOPY . /all/\nCOPY pipe zero /some/\nADD pipe zero /added/\n' });
  await mustRun('mkfifo', ['-m', '640', join(context, 'pipe')]);
  // Whoever read these would never come to an end.
  await mustRun('mkfifo', [join(context, 'id_rsa.pem')]);
  await mustRun('mknod', ['-m', '600', join(context, 'zero'), 'c', '1', '5']);
  await mustRun('mknod', ['-m', '600', join(context, 'disk'), 'b', '7', '200']);
  await mustBuild(['-o', `type=tar,dest=${join(folder, 'out.tar')}`, context], { store: join(folder, 'store') });
  const listed = await mustRun('tar', ['--numeric-owner', '-tvf', join(folder, 'out.tar')]);
  const lines = listed.trimEnd().split('\n').map((line) => line.replace(/ \d{4}-\d\d-\d\d \d\d:\d\d /, ' ').replace(/ +/g, ' '));
  assert.deepEqual(lines.filter((line) => /^[pcb]/.test(line)), [
    'prw-r----- 0/0 0 added/pipe', 'crw------- 0/0 1,5 added/zero',
    'brw------- 0/0 7,200 all/disk', 'prw-r--r-- 0/0 0 all/id_rsa.pem', 'prw-r----- 0/0 0 all/pipe', 'crw------- 0/0 1,5 all/zero',
    'prw-r----- 0/0 0 some/pipe', 'crw------- 0/0 1,5 some/zero',
  ]);
  const { exitCode, stdout, stderr } = await runTsbuild(['context', context], { store: join(folder, 'store') });
  assert.deepEqual([exitCode, stderr], [0, '']);
  assert.match(stdout, / 0B {2}zero\ntotal: 5 files, 0 directories, \d+B\n$/);
});

/** Works while a shell changes a file again and again; it has begun before. */
async function whileChanging<Result>(cwd: string, change: string, work: () => Promise<Result>): Promise<Result> {
  const writer = spawn('sh', ['-c', `echo; while :; do ${change}; done`], { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(writer, 'close');
  try {
    await once(writer.stdout, 'data');
    return await work();
  } finally {
    writer.kill('SIGKILL');
    await ended;
  }
}

/** Each changes one file as long as it runs. */
const changes: readonly (readonly [what: string, change: string])[] = [
  ['grows', 'echo more >> big'],
  ['is written over, its size the same', 'printf x 1<> big'],
  ['is replaced by another one', 'cp old new; mv new big'],
];
for (const [what, change] of changes) {
  test(`a file that ${what} while it is read fails the build by name`, { skip: skipWithout(...forRun) }, async (t) => {
    const folder = temporaryFolder(t);
    const context = await writeContext(folder, { Dockerfile: 'FROM scratch\nCOPY big /\n', old: 'old' });
    await mustRun('truncate', ['-s', '64M', join(context, 'big')]);
    const { exitCode, stderr } = await whileChanging(context, change, () => runTsbuild(['build', '-o', 'type=cacheonly', context], { store: join(folder, 'store') }));
    assert.equal(exitCode, 1, stderr);
    assert.match(stderr, /^ERROR: .*big: (it )?changed while it was read \(FILE_CHANGED\)$/m);
    assert.match(stderr, /^hint: Build again when nothing writes to it\.$/m);
  });
}

test('names with line ends, escape sequences and bytes that are no text reach the image as they are', { skip: skipWithout(...forRun) }, async (t) => {
  const folder = temporaryFolder(t);
  const context = await writeContext(folder, { Dockerfile: 'FROM scratch\nCOPY d /d\n' });
  await mkdir(join(context, 'd'));
  const names = [Buffer.from('a\nERROR: b'), Buffer.from('\u001b[31mred'), Buffer.from([0x78, 0xff, 0x79]), Buffer.from(' blank '), Buffer.from('-rf'), Buffer.from('*')];
  for (const name of names) await writeFile(Buffer.concat([Buffer.from(`${context}/d/`), name]), name);
  await symlink('to\nnowhere', join(context, 'd/link'));
  const tar = join(folder, 'out.tar');
  const store = join(folder, 'store');
  await mustBuild(['-o', `type=tar,dest=${tar}`, context], { store });
  await mkdir(join(folder, 'out'));
  await mustRun('tar', ['-xf', tar, '-C', join(folder, 'out')]);
  await mustRun('diff', ['-r', '--no-dereference', join(context, 'd'), join(folder, 'out/d')]);
  await writeFile(join(context, 'd/a\nERROR: b'), 'changed');
  const again = await runTsbuild(['build', '--progress=plain', '-o', 'type=cacheonly', context], { store });
  assert.equal(again.exitCode, 0);
  assert.doesNotMatch(again.stderr, /^ERROR/m);
  const listed = await runTsbuild(['context', context], { store });
  assert.match(listed.stdout, /\n {6}7B {2}d\/a\\nERROR: b\n/);
  assert.doesNotMatch(listed.stdout, /\u001b/);
});
