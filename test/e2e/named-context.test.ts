/** Named contexts: repositories and addresses wherever a name may stand; which ignore file hides what. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { serve } from '../registry/servers.ts';
import { openBench, type Bench } from '../support/build-bench.ts';
import { builtFiles, finish } from '../support/built-files.ts';
import { writeContext } from '../support/context.ts';
import { commitSeconds, makeRepository, serveGit, type GitServer, type TestRepository } from '../support/git-server.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const skip = skipWithout(...forRun, { program: 'git' });
let bench: Bench;
before(async () => { bench = await openBench(); });
after(() => bench.close());

async function repositoryIn(t: TestContext): Promise<{ readonly repository: TestRepository; readonly server: GitServer }> {
  const folder = temporaryFolder(t);
  const repository = await makeRepository(folder, 'r');
  return { repository, server: await serveGit(t, folder) };
}

/** A server of one file. */
async function serveFile(t: TestContext, path: string, body: Uint8Array): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const port = await serve(t, (request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(request.url === path ? 200 : 404).end(body);
  });
  return { url: `http://127.0.0.1:${port}${path}`, asked };
}

async function tarOf(t: TestContext, files: Readonly<Record<string, string>>): Promise<Buffer> {
  const tree = await writeContext(temporaryFolder(t), files);
  return execFileSync('tar', ['-C', tree, '-czf', '-', ...Object.keys(files)]);
}

const shows = ['FROM base', 'RUN --mount=from=there,target=/mnt ls -A /mnt', 'COPY --from=there / /all/', 'COPY --from=there d/f /', 'RUN find /all /f -type f | sort'];
const listing = (names: string): RegExp => new RegExp(`${names.replaceAll('.', '\\.')}$`, 'm');

test('A6.47 a repository is a named context for FROM, --from and mounts, with its reference and subdirectory', { skip }, async (t) => {
  const { repository, server } = await repositoryIn(t);
  await repository.commit({ 'sub/d/f': '1', 'sub/.dockerignore': '*\n', 'sub/run': 'x:r' });
  await repository.git('tag', 'v1');
  await repository.commit({ 'sub/d/f': '2', 'sub/new': '' });
  const there = { name: 'there', value: `${server.base}/r.git#v1:sub` };
  const { log } = await bench.run(shows, { buildContexts: [there] });
  assert.match(log, listing('.dockerignore\nd\nrun\n/all/.dockerignore\n/all/d/f\n/all/run\n/f'));
  const options = await bench.prepare(['FROM there'], { buildContexts: [there] });
  assert.deepEqual(await builtFiles(options, bench.folder), ['.dockerignore 644 0:0 "*\\n"', 'd/ 755 0:0', 'd/f 644 0:0 "1"', 'run 755 0:0 "r"']);
  const replaced = await bench.prepare(['FROM nowhere.invalid/x AS there', 'RUN false', 'FROM scratch', 'COPY --from=there /d /'], { buildContexts: [{ ...there, value: `${server.base}/r.git?subdir=sub` }] });
  assert.deepEqual(await builtFiles(replaced, bench.folder), ['f 644 0:0 "2"']);
});

test('an archive behind an address is its files, anything else one file named context', { skip }, async (t) => {
  const archive = await serveFile(t, '/a.tgz', await tarOf(t, { 'd/f': '1', '.dockerignore': '*\n' }));
  const { log } = await bench.run(shows, { buildContexts: [{ name: 'there', value: archive.url }] });
  assert.match(log, listing('.dockerignore\nd\n/all/.dockerignore\n/all/d/f\n/f'));
  const file = await serveFile(t, '/program', Buffer.from('#!'));
  assert.deepEqual(await builtFiles(await bench.prepare(['FROM scratch', 'COPY --from=there . /'], { buildContexts: [{ name: 'there', value: file.url }] }), bench.folder), ['context 600 0:0 "#!"']);
});

test('a remote named context is fetched when a step needs it, once, and its unchanged files miss no cache', { skip }, async (t) => {
  const archive = await serveFile(t, '/a.tgz', await tarOf(t, { f: '1' }));
  const there = { name: 'there', value: archive.url };
  const lines = ['FROM base AS a', 'COPY --from=there f /1', 'FROM base', 'COPY --from=there f /2', 'COPY --from=a /1 /'];
  const options = await bench.prepare(lines, { buildContexts: [there] });
  const lists = async (): Promise<number> => (await readdir(join(bench.storeRoot, 'files'), { recursive: true })).filter((name) => name.endsWith('.jsonl')).length;
  const before = await lists();
  const first = await bench.run(lines, options);
  assert.equal(archive.asked.length, 1);
  assert.deepEqual(first.events.filter((event) => event.type === 'step-started' && event.step.name.startsWith('[context there]')).length, 1);
  const again = await bench.run(lines, options);
  assert.deepEqual(again.performed, []);
  assert.equal(again.result.imageID, first.result.imageID);
  await bench.run(['FROM base', 'COPY Dockerfile /'], { buildContexts: [there, { name: 'bad', value: 'http://127.0.0.1:1/x' }] });
  assert.equal(archive.asked.length, 2, 'nobody asked for it in the third build');
  assert.deepEqual(await readdir(join(bench.storeRoot, 'tmp')), [], 'nothing temporary is left');
  assert.equal(await lists(), before + 1, 'digests of temporary files are not kept, those of the third main context are');
});

test('files of a repository as a named context have the time of its commit where times are kept', { skip }, async (t) => {
  const { repository, server } = await repositoryIn(t);
  await repository.commit({ f: '1' });
  const options = await bench.prepare(['FROM scratch', 'COPY --from=there f /'], { buildContexts: [{ name: 'there', value: `${server.base}/r.git` }], timestamps: 'keep' });
  assert.deepEqual(await builtFiles(options, bench.folder, { time: true }), [`f 644 0:0 ${commitSeconds} "1"`]);
});

test('what is wrong with a remote named context is told at the line that needs it, without its password', { skip }, async (t) => {
  const { repository, server } = await repositoryIn(t);
  await repository.commit({ f: '1' });
  const notThere = await serveFile(t, '/a', Buffer.from(''));
  for (const [value, code, errorClass] of [
    [`${server.base}/r.git#nope`, 'GIT_REF_NOT_FOUND', 'registry'], [`${server.base}/r.git#:nope`, 'GIT_SUBDIRECTORY_MISSING', 'usage'], [`${server.base}/r.git#--x`, 'GIT_URL_INVALID', 'usage'],
    [`${notThere.url}/x`.replace('//', '//me:hunter2@'), 'DOWNLOAD_FAILED', 'registry'], [`${server.base}/r.git`, 'SOURCE_NOT_FOUND', 'usage'],
  ] as const) {
    const { error } = await bench.fail(['FROM scratch', 'COPY --from=there missing /'], { buildContexts: [{ name: 'there', value }] });
    assert.deepEqual([error.code, error.errorClass, error.position?.startLine], [code, errorClass, 2], error.message);
    assert.ok(!error.message.includes('hunter2'), error.message);
  }
});

test('A6.108 each local named context has its own .dockerignore, never that of the main one or of the Dockerfile', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const one = await writeContext(join(folder, 'one'), { a: '', b: '', '.dockerignore': 'a\n' });
  const two = await writeContext(join(folder, 'two'), { a: '', b: '' });
  const options = await bench.prepare(['FROM scratch', 'COPY --from=one . /1/', 'COPY --from=two . /2/', 'COPY . /0/'], {
    files: { '.dockerignore': 'b\n', a: '', b: '' }, buildContexts: [{ name: 'one', value: one }, { name: 'two', value: two }],
  });
  const names = (await builtFiles(options, bench.folder)).map((line) => line.replace(/ .*/s, '')).filter((name) => !name.endsWith('/'));
  assert.deepEqual(names, ['0/.dockerignore', '0/Dockerfile', '0/a', '1/.dockerignore', '1/b', '2/a', '2/b']);
});

test('a miss names the source that changed: a context, a here-document', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const options = await bench.prepare(['FROM base', 'COPY --from=there f /', 'COPY <<b /', 'text', 'b'], { buildContexts: [{ name: 'there', value: folder }] });
  const notes = async (): Promise<readonly string[]> => (await finish(options)).events.flatMap((event) => (event.type === 'step-note' ? [event.text] : []));
  await writeFile(join(folder, 'f'), '1');
  await notes();
  await writeFile(join(folder, 'f'), '22');
  assert.deepEqual(await notes(), ['miss: changed context', 'miss: changed root']);
  await writeFile(join(options.context, 'Dockerfile'), 'FROM base\nCOPY --from=there f /\nCOPY <<b /\nother\nb\n');
  assert.deepEqual(await notes(), ['miss: changed b']);
});
