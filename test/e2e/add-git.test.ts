/** ADD of repositories: what lands, what is fetched when the same is built again, and what is refused. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { BuildOptions } from '../../src/index.ts';
import { builtFiles, finish, performedSteps } from '../support/built-files.ts';
import { writeContext } from '../support/context.ts';
import { commitSeconds, makeRepository, serveGit, type Answer, type GitServer, type TestRepository } from '../support/git-server.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const skip = skipWithout(...forRun, { program: 'git' });

interface Bench {
  readonly folder: string;
  readonly repository: TestRepository;
  readonly server: GitServer;
  readonly options: BuildOptions;
  /** Writes the Dockerfile; URL is the repository's address. */
  readonly dockerfile: (lines: readonly string[]) => Promise<void>;
}

async function prepare(t: TestContext, answer?: Answer): Promise<Bench> {
  const folder = temporaryFolder(t);
  const repositories = join(folder, 'repositories');
  const repository = await makeRepository(repositories, 'r');
  const server = await serveGit(t, repositories, answer);
  const context = await writeContext(folder, { '.dockerignore': '*\n' });
  return {
    folder, repository, server,
    options: { context, storeRoot: join(folder, 'store') },
    dockerfile: (lines) => writeFile(join(context, 'Dockerfile'), `FROM scratch\n${lines.join('\n')}\n`.replaceAll('URL', `${server.base}/r.git`)),
  };
}

/** Requests that ask for objects, not for references. */
function fetches({ asked }: GitServer): number {
  // By protocol 2 references are a POST, too; objects are the second one of a connection's three requests.
  return asked.filter((line) => line.startsWith('POST')).length;
}

test('A6.75 A1.19 ADD of a repository: its files, 0644, 0755, root, or as --chown and --chmod say; no ignore file hides any', { skip }, async (t) => {
  const { folder, repository, options, dockerfile } = await prepare(t);
  await repository.commit({ plain: 'p', 'd/run': 'x:r', 'd/link': '->../plain', '.dockerignore': '*\n' });
  await dockerfile(['ADD URL /a', 'ADD --chown=1:2 --chmod=u=rwX,go=rX URL#main:d /b/', 'ADD --exclude=d URL /c', 'ADD URL?subdir=d /']);
  assert.deepEqual(await builtFiles(options, folder), [
    'a/ 755 0:0', 'a/.dockerignore 644 0:0 "*\\n"', 'a/d/ 755 0:0', 'a/d/link 777 0:0 -> ../plain', 'a/d/run 755 0:0 "r"', 'a/plain 644 0:0 "p"',
    'b/ 755 1:2', 'b/link 777 1:2 -> ../plain', 'b/run 755 1:2 "r"',
    'c/ 755 0:0', 'c/.dockerignore 644 0:0 "*\\n"', 'c/plain 644 0:0 "p"', 'link 777 0:0 -> ../plain', 'run 755 0:0 "r"',
  ]);
  assert.deepEqual(await readdir(join(options.storeRoot, 'tmp')), [], 'nothing of the checkout is left');
});

test('A6.75 the key is the commit: nothing is fetched again until the reference moves', { skip }, async (t) => {
  const { repository, server, options, dockerfile } = await prepare(t);
  const commit = await repository.commit({ f: '1' });
  await dockerfile(['ADD URL#main /a', 'ADD --chmod=600 URL#main /b', `ADD URL#${commit} /c`]);
  const first = await finish(options);
  assert.equal(performedSteps(first.events).length, 3);
  const before = fetches(server);
  const again = await finish(options);
  assert.deepEqual(performedSteps(again.events), []);
  assert.equal(again.result.imageID, first.result.imageID);
  assert.equal(fetches(server) - before, 1, server.asked.join('\n'));
  assert.ok(!again.events.some((event) => event.type === 'step-started' && event.step.name.startsWith('[git]')), 'nothing is shown to be fetched');
  await repository.git('commit', '-q', '--allow-empty', '-m', 'same files');
  const moved = await finish(options);
  assert.deepEqual(performedSteps(moved.events).length, 2, 'a commit by its digits does not move');
  assert.ok(moved.events.some((event) => event.type === 'step-started' && event.step.name === `[git] ${server.base}/r.git#main`));
});

test('A1.21 --keep-git-dir, by the flag or in the address, keeps .git and makes a repository of every address', { skip }, async (t) => {
  const { folder, repository, server, options, dockerfile } = await prepare(t);
  await repository.commit({ f: 'x' });
  const git = (lines: readonly string[]): readonly string[] => lines.filter((line) => / "|\/HEAD /.test(line)).map((line) => line.replace(/ .*/s, '')).filter((name) => !/objects|\.git\/(index|config|shallow|refs)/.test(name));
  await dockerfile(['ADD --keep-git-dir URL /a', 'ADD URL?keep-git-dir=1 /b', `ADD --keep-git-dir=true ${server.base}/r/.git /c`, 'ADD --keep-git-dir=false URL /d']);
  assert.deepEqual(git(await builtFiles(options, folder)), ['a/.git/HEAD', 'a/f', 'b/.git/HEAD', 'b/f', 'c/.git/HEAD', 'c/f', 'd/f']);
  const one = await finish({ ...options, noCache: true });
  const two = await finish({ ...options, noCache: true });
  assert.equal(one.result.imageID, two.result.imageID, 'the same bytes every time');
});

test('A1.20 --checksum must be the commit or its first digits', { skip }, async (t) => {
  const { options, repository, dockerfile } = await prepare(t);
  const commit = await repository.commit({ f: 'x' });
  await dockerfile([`ADD --checksum=${commit} URL#main /a`, `ADD --checksum=${commit.slice(0, 7)} URL /b`, `ADD --checksum=${commit} URL#${commit} /c`]);
  await finish(options);
  for (const [line, code, errorClass] of [
    [`ADD --checksum=${'0'.repeat(40)} URL /a`, 'CHECKSUM_MISMATCH', 'registry'], [`ADD --checksum=0000 URL#${commit} /a`, 'CHECKSUM_MISMATCH', 'registry'],
    ['ADD --checksum=sha256:abc URL /a', 'GIT_URL_INVALID', 'usage'], [`ADD --checksum=abc URL?checksum=abd /a`, 'CHECKSUM_CONFLICT', 'usage'],
    ['ADD --checksum=abc URL URL /a/', 'CHECKSUM_SOURCES', 'usage'], ['ADD --keep-git-dir=false URL?keep-git-dir /a', 'KEEP_GIT_DIR_CONFLICT', 'usage'],
    ['ADD URL#--upload-pack=x /a', 'GIT_URL_INVALID', 'usage'], ['ADD URL#main:../../x /a', 'GIT_URL_INVALID', 'usage'], ['ADD URL#nope /a', 'GIT_REF_NOT_FOUND', 'registry'],
    ['ADD URL#main:nope /a', 'GIT_SUBDIRECTORY_MISSING', 'usage'], ['ADD http://127.0.0.1:1/r.git /a', 'GIT_FAILED', 'registry'], ['COPY URL /a', 'COPY_FROM_GIT', 'usage'],
  ] as const) {
    await dockerfile([line]);
    await assert.rejects(finish(options), { code, errorClass, position: { file: 'Dockerfile', startLine: 2, endLine: 2 } }, line);
  }
});

test('where times are kept, files have the time of the commit, in every build', { skip }, async (t) => {
  const { folder, repository, options, dockerfile } = await prepare(t);
  await repository.commit({ 'd/f': 'x' });
  await dockerfile(['ADD URL /a/']);
  const lines = await builtFiles({ ...options, timestamps: 'keep' }, folder, { time: true });
  assert.deepEqual(lines.slice(1), [`a/d/ 755 0:0 ${commitSeconds}`, `a/d/f 644 0:0 ${commitSeconds} "x"`]);
});

test('a token for git is nowhere in the store, the image or the events, also where .git is kept', { skip }, async (t) => {
  const token = 'correct-horse-battery-staple';
  const encoded = Buffer.from(`x-access-token:${token}`).toString('base64');
  const { folder, repository, options, server, dockerfile } = await prepare(t, (request, response) => {
    if (request.headers.authorization !== undefined) return false;
    response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    return true;
  });
  await repository.commit({ f: 'x' });
  await dockerfile(['ADD --keep-git-dir URL /a', `ADD ${server.base.replace('//', `//me:${token}@`)}/r.git?keep-git-dir /b`]);
  const { events, result } = await finish({ ...options, secretValues: { GIT_AUTH_TOKEN: Buffer.from(token) } });
  assert.ok(!JSON.stringify([events.filter((event) => event.type !== 'build-started'), result]).includes(token));
  const { readFile } = await import('node:fs/promises');
  for (const entry of await readdir(join(folder, 'store'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const bytes = await readFile(join(entry.parentPath, entry.name));
    assert.ok(!bytes.includes(token) && !bytes.includes(encoded), entry.name);
  }
});

test('an interrupted fetch leaves no process and no file', { skip }, async (t) => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const { repository, options, dockerfile } = await prepare(t, (request) => {
    if (request.method !== 'POST') return false;
    controller.abort(reason);
    return true;
  });
  await repository.commit({ f: 'x' });
  await dockerfile(['ADD URL /a']);
  await assert.rejects(finish({ ...options, signal: controller.signal }), (error) => error === reason);
  assert.deepEqual(await readdir(join(options.storeRoot, 'tmp')), []);
  assert.ok(existsSync(options.storeRoot));
});
