/** Main contexts that are no directory: archives on standard input, addresses, repositories; what each hides, and what hostile ones get. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { serve } from '../registry/servers.ts';
import { makeRepository, serveGit } from '../support/git-server.ts';
import { unfinished, until } from '../support/machine-state.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import type { Finished } from '../support/run-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { mustBuild, runTsbuild, startTsbuild } from '../support/tsbuild.ts';
import { makeTar } from '../layer/support.ts';

const skip = skipWithout(...forRun, { program: 'git' });
const dockerfile = 'FROM scratch\nCOPY . /\n';

interface Built {
  readonly exitCode: number | null;
  readonly stderr: string;
  /** Paths of the image's files, sorted. */
  readonly files: readonly string[];
}

interface Bench {
  readonly folder: string;
  readonly build: (args: readonly string[], input?: Uint8Array, env?: Readonly<Record<string, string>>) => Promise<Built>;
  /** A tar of these files. */
  readonly tar: (files: Readonly<Record<string, string>>, ...options: readonly string[]) => Promise<Buffer>;
}

function prepare(t: TestContext): Bench {
  const folder = temporaryFolder(t);
  const store = join(folder, 'store');
  return {
    folder,
    build: async (args, input, env = {}) => {
      const { exitCode, stderr } = await runTsbuild(['build', '--progress=quiet', '-o', `type=local,dest=${join(folder, 'out')}`, ...args], { store, cwd: folder, env, ...(input === undefined ? {} : { input }) });
      const out = join(folder, 'out');
      const files = existsSync(out) ? execFileSync('find', [out, '-mindepth', '1', '-printf', '%P\\n'], { encoding: 'utf8' }).split('\n').filter((name) => name !== '').sort() : [];
      execFileSync('rm', ['-rf', out]);
      if (existsSync(join(store, 'tmp'))) assert.deepEqual(await readdir(join(store, 'tmp')), [], 'nothing temporary is left');
      return { exitCode, stderr, files };
    },
    tar: async (files, ...options) => {
      const tree = join(folder, 'tree');
      execFileSync('rm', ['-rf', tree]);
      for (const [path, text] of Object.entries(files)) {
        await mkdir(join(tree, path, '..'), { recursive: true });
        await writeFile(join(tree, path), text);
      }
      return execFileSync('tar', ['-C', tree, ...options, '-cf', '-', '.']);
    },
  };
}

function worked({ exitCode, stderr, files }: Built): readonly string[] {
  assert.equal(exitCode, 0, stderr);
  return files;
}

function failed({ exitCode, stderr, files }: Built, expected: number, message: RegExp): void {
  assert.equal(exitCode, expected, stderr);
  assert.match(stderr, message);
  assert.equal(stderr.match(/^ERROR: /gm)?.length, 1, stderr);
  assert.ok(!/^\s+at /m.test(stderr), stderr);
  assert.deepEqual(files, []);
}

test('B3.4 standard input is an archive of any compression, told by its content, or a Dockerfile', { skip }, async (t) => {
  const { build, tar } = prepare(t);
  for (const option of [[], ['--gzip'], ['--bzip2'], ['--xz'], ['--zstd']]) {
    assert.deepEqual(worked(await build(['-'], await tar({ Dockerfile: dockerfile, 'd/f': 'x' }, ...option))), ['Dockerfile', 'd', 'd/f'], option.join());
  }
  assert.deepEqual(worked(await build(['-'], Buffer.from('FROM scratch\nCOPY <<E /f\nE\n'))), ['f']);
  assert.deepEqual(worked(await build(['-'], await tar({ dockerfile, f: '' }))), ['dockerfile', 'f']);
});

test('B3.5 -f names a file of the archive; a Dockerfile on standard input goes with a directory', { skip }, async (t) => {
  const { folder, build, tar } = prepare(t);
  assert.deepEqual(worked(await build(['-f', 'sub/My', '-'], await tar({ 'sub/My': 'FROM scratch\nCOPY f /\n', f: '' }))), ['f']);
  failed(await build(['-f', '../My', '-'], await tar({ f: '' })), 2, /failed to read dockerfile/);
  failed(await build(['-'], await tar({ f: '' })), 2, /failed to read dockerfile: Dockerfile: no such file in the context -/);
  await mkdir(join(folder, 'context'));
  await writeFile(join(folder, 'context/f'), '');
  assert.deepEqual(worked(await build(['-f', '-', 'context'], Buffer.from(dockerfile))), ['f']);
  await writeFile(join(folder, 'Outside'), dockerfile);
  assert.deepEqual(worked(await build(['-f', 'Outside', 'context'])), ['f']);
});

test('A6.108 no ignore file counts in an archive or a repository', { skip }, async (t) => {
  const { folder, build, tar } = prepare(t);
  assert.deepEqual(worked(await build(['-'], await tar({ Dockerfile: dockerfile, '.dockerignore': '*\n', f: '' }))), ['.dockerignore', 'Dockerfile', 'f']);
  const repository = await makeRepository(join(folder, 'r'), 'r');
  await repository.commit({ Dockerfile: dockerfile, 'Dockerfile.dockerignore': '*\n', '.dockerignore': '*\n' });
  const { base } = await serveGit(t, join(folder, 'r'));
  assert.deepEqual(worked(await build([`${base}/r.git`])), ['.dockerignore', 'Dockerfile', 'Dockerfile.dockerignore']);
});

test('B3.2 a repository is a context, with a reference and a subdirectory, and -f inside it', { skip }, async (t) => {
  const { folder, build } = prepare(t);
  const repository = await makeRepository(join(folder, 'r'), 'r');
  await repository.commit({ 'd/Dockerfile': dockerfile, 'd/f': '1', Other: 'FROM scratch\nCOPY d/f /o\n' });
  await repository.git('tag', 'v1');
  await repository.commit({ 'd/g': '2' });
  const { base } = await serveGit(t, join(folder, 'r'));
  assert.deepEqual(worked(await build([`${base}/r.git#v1:d`])), ['Dockerfile', 'f']);
  assert.deepEqual(worked(await build([`${base}/r.git?subdir=d&branch=main`])), ['Dockerfile', 'f', 'g']);
  assert.deepEqual(worked(await build(['-f', 'Other', `${base}/r.git`])), ['o']);
  const kept = worked(await build(['-f', 'd/Dockerfile', '--build-arg', 'BUILDKIT_CONTEXT_KEEP_GIT_DIR=1', `${base}/r.git`]));
  assert.ok(kept.includes('.git/HEAD'), kept.join());
  failed(await build([`${base}/r.git#v1`]), 2, /failed to read dockerfile: Dockerfile: no such file in the context http/);
  failed(await build([`${base}/r.git#nope`]), 4, /it has no reference "nope"/);
  failed(await build([`${base}/r.git#--upload-pack=x`]), 2, /no name of a branch/);
  failed(await build([`${base}/r.git#v1:../..`]), 2, /leads out of the repository/);
});

test('B3.3 an address is an archive or a Dockerfile', { skip }, async (t) => {
  const { build, tar } = prepare(t);
  const bodies: Record<string, Buffer> = { '/a.tgz': await tar({ Dockerfile: dockerfile, f: '' }, '--gzip'), '/D': Buffer.from('FROM scratch\nCOPY <<E /only\nE\n') };
  const port = await serve(t, (request, response) => {
    const body = bodies[request.url ?? ''];
    response.writeHead(body === undefined ? 404 : 200).end(body ?? '');
  });
  const base = `http://127.0.0.1:${port}`;
  assert.deepEqual(worked(await build([`${base}/a.tgz`])), ['Dockerfile', 'f']);
  assert.deepEqual(worked(await build([`${base}/D`])), ['only']);
  failed(await build(['-f', 'X', `${base}/D`]), 2, /ambiguous Dockerfile/);
  failed(await build([`${base}/missing`]), 4, /invalid response status 404/);
});

test('a Dockerfile or a subdirectory that is a link out of the context is not found there', { skip }, async (t) => {
  const { folder, build } = prepare(t);
  const repository = await makeRepository(join(folder, 'r'), 'r');
  await writeFile(join(folder, 'secret'), 'FROM scratch\n');
  await repository.commit({ Dockerfile: `->${join(folder, 'secret')}`, up: '->../../..' });
  const { base } = await serveGit(t, join(folder, 'r'));
  failed(await build([`${base}/r.git`]), 2, /failed to read dockerfile/);
  failed(await build([`${base}/r.git#:up/secret`]), 2, /it has no directory/);
});

test('hostile archives plant nothing outside, and end with one message', { skip }, async (t) => {
  const { folder, build } = prepare(t);
  const archive = (script: string): Buffer => readFileSync(makeTar(join(folder, 'hostile.tar'), `f('Dockerfile', ${JSON.stringify(dockerfile)})\n${script}`));
  const proof = join(folder, 'proof');
  assert.deepEqual(worked(await build(['-'], archive(`f('../../../../proof'); f('/abs/x')`))), ['Dockerfile', 'abs', 'abs/x', 'proof']);
  assert.ok(!existsSync(proof));
  await build(['-'], archive(`s('out', ${JSON.stringify(folder)}); f('out/proof')`));
  await build(['-'], archive(`h('link', '/etc/passwd')`));
  assert.ok(!existsSync(proof), 'a link out and a write through it stay inside');
  failed(await build(['-'], archive(`add('dev', BLKTYPE, devmajor=8, devminor=0)`)), 2, /context: dev: an archive of files has no use for a device/);
  failed(await build(['-'], archive(`f('big', 'x' * 100000)`).subarray(0, 50_000)), 1, /is not a valid tar: it ends in a file's data/);
  const gzip = execFileSync('gzip', ['-c'], { input: archive('') });
  failed(await build(['-'], gzip.subarray(0, gzip.length - 20)), 4, /its gzip data is broken/);
});

test('what an archive may grow to has a limit, which the environment can set; so has a Dockerfile on standard input', { skip }, async (t) => {
  const { folder, build } = prepare(t);
  const bomb = execFileSync('gzip', ['-c'], { input: readFileSync(makeTar(join(folder, 'bomb.tar'), `f('Dockerfile', ${JSON.stringify(dockerfile)}); f('big', 'x' * 3000000)`)) });
  assert.ok(bomb.length < 10_000);
  const env = { TSBUILD_ARCHIVE_SIZE_MAX: '2m' };
  failed(await build(['-'], bomb, env), 4, /context: it has more than 2097152 bytes[^]*TSBUILD_ARCHIVE_SIZE_MAX/);
  assert.deepEqual(worked(await build(['-'], bomb, { TSBUILD_ARCHIVE_SIZE_MAX: '4m' })), ['Dockerfile', 'big']);
  await mkdir(join(folder, 'context'));
  await writeFile(join(folder, 'context/a.tgz'), bomb);
  await writeFile(join(folder, 'context/Dockerfile'), 'FROM scratch\nADD a.tgz /\n');
  failed(await build(['context'], undefined, env), 1, /a\.tgz: it has more than 2097152 bytes[^]*TSBUILD_ARCHIVE_SIZE_MAX/);
  failed(await build(['-'], undefined, { TSBUILD_ARCHIVE_SIZE_MAX: 'much' }), 2, /TSBUILD_ARCHIVE_SIZE_MAX "much": is not a size/);
  failed(await build(['-'], Buffer.alloc(20_000_000, '#')), 2, /it has more than \d+ bytes/);
});

test('check, outline, targets, context and graph look at what is elsewhere, and leave nothing', { skip }, async (t) => {
  const { folder, tar } = prepare(t);
  const files = { Dockerfile: 'FROM scratch as made\nARG seen=1\nCOPY . /\n', f: '1234' };
  const archive = await tar(files);
  const port = await serve(t, (request, response) => { response.end(request.url === '/D' ? files.Dockerfile : archive); });
  await (await makeRepository(join(folder, 'r'), 'r')).commit(files);
  const { base } = await serveGit(t, join(folder, 'r'));
  const call = { store: join(folder, 'store'), cwd: folder };
  const look = async (words: readonly string[], context: string, input?: Uint8Array | string): Promise<string> => {
    const { exitCode, stdout, stderr } = await runTsbuild([...words, context], { ...call, ...(input === undefined ? {} : { input }) });
    assert.equal(exitCode, 0, `${words.join(' ')} ${context}: ${stderr}`);
    assert.deepEqual(await unfinished(call.store), []);
    return stdout;
  };
  const places = [[`http://127.0.0.1:${port}/a.tar`], [`${base}/r.git`], ['-', archive], [`http://127.0.0.1:${port}/D`], ['-', files.Dockerfile]] as const;
  for (const [context, input] of places) assert.match(await look(['check'], context, input), /FromAsCasing/);
  const [[first]] = places;
  assert.match(await look(['build', '--call=outline'], first), /seen/);
  assert.match(await look(['build', '--call=targets'], first), /made/);
  assert.match(await look(['graph'], first), /"copy"/i);
  for (const [context, input] of places.slice(0, 3)) assert.match(await look(['context'], context, input), /^ *4 ?B? +f$/m);
  assert.match(await look(['context'], `http://127.0.0.1:${port}/D`), /context$/m);
});

test('looking at a Dockerfile on standard input makes no store; what cannot be looked at is told without credentials', { skip }, async (t) => {
  const { folder, tar } = prepare(t);
  const port = await serve(t, (_request, response) => { response.writeHead(404).end(); });
  const look = (words: readonly string[], input: Uint8Array | string = ''): Promise<Finished> => runTsbuild(words, { store: join(folder, 'store'), cwd: folder, input });
  assert.equal((await look(['check', '-'], dockerfile)).exitCode, 0);
  assert.ok(!existsSync(join(folder, 'store')));
  await writeFile(join(folder, 'Own'), dockerfile);
  assert.equal((await look(['check', '-f', join(folder, 'Own'), 'https://127.0.0.1:1/never.git'])).exitCode, 0, 'a Dockerfile that is here needs no context');
  const url = `http://me:swordfish9@127.0.0.1:${port}/a.tgz`;
  const cases: readonly (readonly [readonly string[], Uint8Array | string, number, RegExp])[] = [
    [['check', url], '', 4, /invalid response status 404/],
    [['context', url], '', 4, /invalid response status 404/],
    [['context', '-'], dockerfile, 2, /context: -: a Dockerfile on standard input has no files/],
    [['check', '-f', 'Own', '-'], dockerfile, 2, /ambiguous Dockerfile: standard input is a Dockerfile itself/],
    [['check', '-f', '-', '.'], await tar({ f: '' }), 2, /failed to read dockerfile: -: it is an archive/],
    [['check', '-'], await tar({ f: '' }), 2, /Dockerfile: no such file in the context -/],
  ];
  for (const [words, input, exitCode, message] of cases) {
    const finished = await look(words, input);
    assert.equal(finished.exitCode, exitCode, `${words.join(' ')}: ${finished.stderr}`);
    assert.match(finished.stderr, message);
    assert.ok(!finished.stderr.includes('swordfish9'), finished.stderr);
  }
});

test('an unchanged address or repository is asked for, not sent again, and misses no step; a changed one says so', { skip }, async (t) => {
  const { folder, tar } = prepare(t);
  const call = { store: join(folder, 'store'), cwd: folder };
  const archive = { body: await tar({ Dockerfile: dockerfile, f: '1' }), tag: '"1"' };
  const bodies: string[] = [];
  const port = await serve(t, (request, response) => {
    if (request.headers['if-none-match'] === archive.tag) return void response.writeHead(304, { etag: archive.tag }).end();
    bodies.push(archive.tag);
    response.writeHead(200, { etag: archive.tag }).end(archive.body);
  });
  const repository = await makeRepository(join(folder, 'r'), 'r');
  await repository.commit({ Dockerfile: dockerfile, f: '1' });
  const { base, asked } = await serveGit(t, join(folder, 'r'));
  const notes = async (context: string): Promise<readonly string[]> => {
    const { events } = await mustBuild([context], call);
    const performed = events.filter((event) => event.type === 'step-done' && !event.cached).map((event) => ('id' in event ? event.id : ''));
    const steps = events.flatMap((event) => (event.type === 'step-started' && event.step.position !== undefined && performed.includes(event.step.id) ? [event.step.name] : []));
    return [...steps, ...events.flatMap((event) => (event.type === 'step-note' ? [event.text] : []))];
  };
  const performedCopy = ['[1/1] COPY . /'];
  assert.deepEqual(await notes(`http://127.0.0.1:${port}/a.tar`), performedCopy);
  assert.deepEqual(await notes(`http://127.0.0.1:${port}/a.tar`), []);
  assert.deepEqual(bodies, ['"1"'], 'the body came once');
  Object.assign(archive, { body: await tar({ Dockerfile: dockerfile, f: '2' }), tag: '"2"' });
  assert.deepEqual(await notes(`http://127.0.0.1:${port}/a.tar`), [...performedCopy, 'miss: changed context']);
  assert.deepEqual(bodies, ['"1"', '"2"']);
  await notes(`${base}/r.git`);
  const first = asked.splice(0).length;
  assert.deepEqual(await notes(`${base}/r.git`), []);
  const second = asked.splice(0).length;
  assert.ok(second < first && second <= 2, `${first} requests, then ${second}: the references only`);
  await repository.commit({ f: '3' });
  assert.deepEqual(await notes(`${base}/r.git`), [...performedCopy, 'miss: changed context']);
  assert.equal(asked.length, first);
});

test('an archive on standard input is unpacked while it comes', { skip }, async (t) => {
  const { folder, tar } = prepare(t);
  const store = join(folder, 'store');
  const body = await tar({ Dockerfile: dockerfile, first: '', last: 'x'.repeat(1_000_000) }, '--sort=name');
  const half = body.length - 500_000;
  const child = startTsbuild(['build', '-o', `type=local,dest=${join(folder, 'out')}`, '-'], { store }, 'pipe');
  const closed = once(child, 'close');
  child.stdin?.write(body.subarray(0, half));
  const tmp = join(store, 'tmp');
  await until('the first files are there', () => existsSync(tmp) && readdirSync(tmp, { recursive: true }).some((path) => String(path).endsWith('/upper/first')));
  child.stdin?.end(body.subarray(half));
  assert.equal((await closed)[0], 0);
  assert.deepEqual(readdirSync(join(folder, 'out')).sort(), ['Dockerfile', 'first', 'last']);
  assert.deepEqual(await unfinished(store), []);
});
