/** SOURCE_DATE_EPOCH of things that are fetched: what `created` becomes, what RUN sees, and what stays as it is. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import type { BuildOptions } from '../../src/index.ts';
import { serve } from '../registry/servers.ts';
import { openBench, type Bench, type BenchOptions } from '../support/build-bench.ts';
import { finish } from '../support/built-files.ts';
import { writeContext } from '../support/context.ts';
import { commitSeconds, makeRepository, serveGit } from '../support/git-server.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { runTsbuild } from '../support/tsbuild.ts';

const skip = skipWithout(...forRun, { program: 'git' });
const constant = '1980-01-02T00:00:00Z';
/** One second later than a file's time below. */
const modified = 'Fri, 01 Jan 2021 00:00:01 GMT';
const fileSeconds = 1_500_000_000;

let bench: Bench;
before(async () => { bench = await openBench(); });
after(() => bench.close());

interface Times {
  readonly created: string;
  /** Of the image's own last step. */
  readonly history: string;
  readonly layers: readonly string[];
}

async function timesOf(storeRoot: string, imageID: string): Promise<Times> {
  const config = JSON.parse(await readFile(join(storeRoot, 'oci/blobs/sha256', imageID.replace('sha256:', '')), 'utf8')) as { created: string; history: { created: string }[]; rootfs: { diff_ids: string[] } };
  return { created: config.created, history: config.history.at(-1)?.created ?? '', layers: config.rootfs.diff_ids };
}

async function build(options: BuildOptions): Promise<Times> {
  const { result } = await finish(options);
  return timesOf(options.storeRoot, result.imageID ?? '');
}

/** A build of these lines with `--build-arg SOURCE_DATE_EPOCH=value`. */
async function buildLines(lines: readonly string[], value: string | null, options: BenchOptions = {}): Promise<Times> {
  return build(await bench.prepare(lines, { ...options, buildArgs: value === null ? [] : [{ key: 'SOURCE_DATE_EPOCH', value }] }));
}

const iso = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');

async function repositoryAt(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = temporaryFolder(t);
  await (await makeRepository(folder, 'r')).commit(files);
  return `${(await serveGit(t, folder)).base}/r.git`;
}

async function archive(t: TestContext, dockerfile: string): Promise<Buffer> {
  const tree = await writeContext(temporaryFolder(t), { Dockerfile: dockerfile, f: '' });
  await utimes(join(tree, 'Dockerfile'), fileSeconds, fileSeconds);
  await utimes(join(tree, 'f'), fileSeconds - 5, fileSeconds - 5);
  return execFileSync('tar', ['-C', tree, '-czf', '-', 'Dockerfile', 'f']);
}

/** An address of this body; with a Last-Modified if its path has `dated`. */
async function serveBody(t: TestContext, body: Uint8Array): Promise<string> {
  const port = await serve(t, (request, response) => {
    response.writeHead(200, request.url?.includes('dated') === true ? { 'last-modified': modified } : {}).end(body);
  });
  return `http://127.0.0.1:${port}`;
}

test('A4.6 context is the time of the commit, of Last-Modified, or of the newest file of an archive; a directory has none', { skip }, async (t) => {
  const lines = ['FROM scratch', 'COPY f /'];
  const text = `${lines.join('\n')}\n`;
  const buildArgs = [{ key: 'SOURCE_DATE_EPOCH', value: 'context' }];
  const options = { storeRoot: bench.storeRoot, buildArgs };
  const repository = await repositoryAt(t, { Dockerfile: text, f: '' });
  const base = await serveBody(t, await archive(t, text));
  const plain = await buildLines(lines, null, { files: { f: '' } });
  assert.equal(plain.created, constant);
  for (const [context, created] of [[repository, iso(commitSeconds)], [`${base}/dated.tgz`, '2021-01-01T00:00:01Z'], [`${base}/a.tgz`, iso(fileSeconds)]] as const) {
    const built = await build({ ...options, context });
    assert.deepEqual(built, { created, history: created, layers: plain.layers }, context);
  }
  assert.deepEqual(await buildLines(lines, 'context', { files: { f: '' } }), plain);
  const dockerfile = await serveBody(t, Buffer.from('FROM scratch\nLABEL a=b\n'));
  assert.equal((await build({ ...options, context: `${dockerfile}/D` })).created, constant, 'a file without a time has none');
});

test('A4.6 context is the newest file of an archive on standard input', { skip }, async (t) => {
  const input = await archive(t, 'FROM scratch\nCOPY f /\n');
  const { stdout, stderr, exitCode } = await runTsbuild(['build', '-q', '--build-arg', 'SOURCE_DATE_EPOCH=context', '-'], { store: bench.storeRoot, input });
  assert.equal(exitCode, 0, stderr);
  assert.equal((await timesOf(bench.storeRoot, stdout.trim())).created, iso(fileSeconds));
});

test('A4.6 a named context or a stage that adds one address gives its time; an image and a directory have none', { skip }, async (t) => {
  const repository = await repositoryAt(t, { f: '' });
  const base = await serveBody(t, await archive(t, 'x'));
  const lines = ['FROM scratch AS git', `ADD ${repository} /`, 'FROM scratch AS http', `ADD ${base}/dated /`, 'FROM scratch AS tar', `ADD ${base}/a.tgz /`, 'FROM scratch', 'LABEL a=b'];
  const folder = await writeContext(temporaryFolder(t), { f: '' });
  const buildContexts = [{ name: 'named', value: repository }, { name: 'named-tar', value: `${base}/a.tgz` }, { name: 'there', value: folder }, { name: 'none', value: 'docker-image://scratch' }];
  for (const [value, created] of [
    ['named', iso(commitSeconds)], ['named-tar', iso(fileSeconds)], ['git', iso(commitSeconds)], ['http', '2021-01-01T00:00:01Z'], ['tar', iso(fileSeconds)], ['there', constant], ['none', constant], ['base', constant],
  ] as const) {
    assert.equal((await buildLines(lines, value, { buildContexts })).created, created, value);
  }
});

test('A4.6 a default above the first FROM counts, and ARG in a stage sees the seconds', { skip }, async (t) => {
  const repository = await repositoryAt(t, { f: '' });
  const step = 'RUN echo "epoch=$SOURCE_DATE_EPOCH"';
  const logOf = async (lines: readonly string[], options: BenchOptions = {}): Promise<string> => /epoch=(.*)/.exec((await bench.run(lines, options)).log)?.[1] ?? '';
  const buildContexts = [{ name: 'named', value: repository }];
  assert.equal(await logOf(['ARG SOURCE_DATE_EPOCH=named', 'FROM base', 'ARG SOURCE_DATE_EPOCH', step], { buildContexts }), String(commitSeconds));
  assert.equal(await logOf(['ARG SOURCE_DATE_EPOCH=5', 'FROM base', 'ARG SOURCE_DATE_EPOCH=6', step]), '6');
  assert.equal((await buildLines(['ARG SOURCE_DATE_EPOCH=5', 'FROM scratch', 'LABEL a=b'], null)).created, iso(5));
  assert.equal(await logOf(['FROM base', 'ARG SOURCE_DATE_EPOCH', step], { buildArgs: [{ key: 'SOURCE_DATE_EPOCH', value: 'context' }] }), '315619200');
});

test('A4.6 the environment sets created, and ARG sees it; layers and keys of steps without ARG stay', { skip }, async () => {
  const lines = ['FROM base', 'RUN echo "$SOURCE_DATE_EPOCH" > /f', 'COPY Dockerfile /'];
  const options = await bench.prepare(lines);
  const plain = await build(options);
  const { result, performed } = await bench.run(lines, { ...options, sourceDateEpoch: '1700000000' });
  const dated = await timesOf(bench.storeRoot, result.imageID ?? '');
  assert.deepEqual(performed, []);
  assert.deepEqual(dated, { created: iso(1_700_000_000), history: iso(1_700_000_000), layers: plain.layers });
  const { log } = await bench.run(['FROM base', 'ARG SOURCE_DATE_EPOCH', 'RUN echo "epoch=$SOURCE_DATE_EPOCH"'], { sourceDateEpoch: '1700000001' });
  assert.match(log, /epoch=1700000001/);
  const both = await bench.run(['FROM scratch', 'LABEL a=b'], { sourceDateEpoch: '6', buildArgs: [{ key: 'SOURCE_DATE_EPOCH', value: '7' }] });
  assert.equal((await timesOf(bench.storeRoot, both.result.imageID ?? '')).created, iso(7), '--build-arg comes before the environment');
});

test('A4.6 --timestamps=epoch takes the time that was found, and needs one', { skip }, async (t) => {
  const repository = await repositoryAt(t, { f: '' });
  const lines = ['FROM base', 'RUN echo "epoch=$SOURCE_DATE_EPOCH"'];
  const buildContexts = [{ name: 'named', value: repository }];
  const buildArgs = [{ key: 'SOURCE_DATE_EPOCH', value: 'named' }];
  assert.match((await bench.run(lines, { buildContexts, buildArgs, timestamps: 'epoch' })).log, new RegExp(`epoch=${commitSeconds}`));
  const { error } = await bench.fail(lines, { buildArgs: [{ key: 'SOURCE_DATE_EPOCH', value: 'context' }], timestamps: 'epoch' });
  assert.deepEqual([error.code, error.errorClass], ['EPOCH_MISSING', 'usage']);
});

test('A4.6 a time that is none is refused by name, with exit code 2', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  await writeFile(join(folder, 'Dockerfile'), 'FROM scratch\nLABEL a=b\n');
  for (const [env, message] of [[{ SOURCE_DATE_EPOCH: 'now' }, /SOURCE_DATE_EPOCH=now: it is no number of seconds/], [{ SOURCE_DATE_EPOCH: '253402300800' }, /after the year 9999/]] as const) {
    const { exitCode, stderr } = await runTsbuild(['build', folder], { store: bench.storeRoot, env });
    assert.equal(exitCode, 2, stderr);
    assert.match(stderr, message);
    assert.match(stderr, /seconds since 1970/);
  }
});
