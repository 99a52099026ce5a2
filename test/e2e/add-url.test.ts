/** ADD of files behind addresses: what lands, and what is asked and sent when the same is built again. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { digestOf } from '../../src/base/digest.ts';
import type { BuildOptions } from '../../src/index.ts';
import { serve } from '../registry/servers.ts';
import { builtFiles, finish, performedSteps } from '../support/built-files.ts';
import { writeContext } from '../support/context.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const skip = skipWithout(...forRun);
const modified = 'Tue, 02 Jan 2024 03:04:05 GMT';

interface Web {
  readonly base: string;
  /** `PATH STATUS` of every request. */
  readonly asked: string[];
}

/** A server whose files have an entity tag and a time. */
async function startWeb(t: TestContext, files: Readonly<Record<string, string | Buffer>>): Promise<Web> {
  const asked: string[] = [];
  const port = await serve(t, (request, response) => {
    const content = files[new URL(request.url ?? '', 'http://x').pathname];
    const etag = `"${digestOf(content ?? '').slice(7, 20)}"`;
    const status = content === undefined ? 404 : request.headers['if-none-match'] === etag ? 304 : 200;
    asked.push(`${request.url ?? ''} ${status}`);
    response.writeHead(status, { etag, 'last-modified': modified, 'content-disposition': 'attachment; filename="../../etc/passwd"' }).end(status === 200 ? content : '');
  });
  return { base: `http://127.0.0.1:${port}`, asked };
}

async function prepare(t: TestContext, dockerfile: string): Promise<{ readonly folder: string; readonly options: BuildOptions }> {
  const folder = temporaryFolder(t);
  const context = await writeContext(folder, { Dockerfile: dockerfile });
  return { folder, options: { context, storeRoot: join(folder, 'store') } };
}

async function makeTar(name: string, text: string): Promise<Buffer> {
  const packing = pack();
  packing.entry({ name, uid: 7, gid: 8, mode: 0o640 }, text);
  packing.finalize();
  return buffer(packing);
}

test('A6.73 ADD of an address: mode 0600, root, named by the path of the address and by nothing else', { skip }, async (t) => {
  const web = await startWeb(t, { '/a/file.txt': 'one', '/d/': 'two', '/': 'three', '/%2e%2e%2f%2e%2e': 'four' });
  const { folder, options } = await prepare(t, [
    'FROM scratch', `ADD ${web.base}/a/file.txt?name=other /x/`, `ADD ${web.base}/d/ /x/`, `ADD ${web.base} /x/`, `ADD ${web.base}/a/file.txt /renamed`,
    `ADD --chown=1:2 --chmod=755 ${web.base}/a/file.txt /owned`, '',
  ].join('\n'));
  assert.deepEqual(await builtFiles(options, folder), [
    'owned 755 1:2 "one"', 'renamed 600 0:0 "one"', 'x 755 0:0', 'x/__unnamed__ 600 0:0 "three"', 'x/d 600 0:0 "two"', 'x/file.txt 600 0:0 "one"',
  ].map((line) => line.replace(/^(x) /, 'x/ ')));
  assert.deepEqual([...new Set(web.asked)].sort(), ['/ 200', '/a/file.txt 200', '/a/file.txt?name=other 200', '/d/ 200']);
});

test('A6.73 the time is that of Last-Modified where times are kept, and not in the key', { skip }, async (t) => {
  const web = await startWeb(t, { '/f': 'x' });
  const { folder, options } = await prepare(t, `FROM scratch\nADD ${web.base}/f /f\n`);
  assert.deepEqual(await builtFiles({ ...options, timestamps: 'keep' }, folder, { time: true }), [`f 600 0:0 ${Date.parse(modified) / 1000} "x"`]);
  assert.deepEqual(await builtFiles(options, folder, { time: true }), ['f 600 0:0 315619200 "x"']);
});

test('A6.73 an unchanged address is asked for, but neither sent again nor added again; a changed one is', { skip }, async (t) => {
  const files: Record<string, string> = { '/f': 'one' };
  const web = await startWeb(t, files);
  const { options } = await prepare(t, `FROM scratch\nADD ${web.base}/f /f\nADD --chmod=777 ${web.base}/f /g\n`);
  const first = await finish(options);
  assert.deepEqual(performedSteps(first.events).length, 2);
  const second = await finish(options);
  assert.deepEqual(performedSteps(second.events), []);
  assert.equal(second.result.imageID, first.result.imageID);
  assert.deepEqual(web.asked, ['/f 200', '/f 304']);
  files['/f'] = 'two';
  const third = await finish(options);
  assert.deepEqual(performedSteps(third.events).length, 2);
  assert.match(third.events.flatMap((event) => (event.type === 'step-note' ? [event.text] : [])).join('\n'), /^miss: changed http f\nmiss: changed http f, root$/);
  assert.notEqual(third.result.imageID, first.result.imageID);
});

test('A1.20 with a checksum a cached build asks for nothing', { skip }, async (t) => {
  const web = await startWeb(t, { '/f': 'one' });
  const { options } = await prepare(t, `FROM scratch\nARG SUM=${digestOf('one')}\nADD --checksum=$SUM ${web.base}/f /f\n`);
  await finish(options);
  const again = await finish(options);
  assert.deepEqual(performedSteps(again.events), []);
  assert.deepEqual(web.asked, ['/f 200']);
  const wrong = { ...options, buildArgs: [{ key: 'SUM', value: digestOf('two') }] };
  await assert.rejects(finish(wrong), { code: 'CHECKSUM_MISMATCH', errorClass: 'registry', exitCode: 4, position: { file: 'Dockerfile', startLine: 3, endLine: 3 } });
});

test('A1.23 A6.72 a downloaded archive stays one, unless --unpack says otherwise', { skip }, async (t) => {
  const tar = await makeTar('inside', 'text');
  const web = await startWeb(t, { '/a.tgz': gzipSync(tar), '/text.tar': 'no archive' });
  const { folder, options } = await prepare(t, [
    'FROM scratch', `ADD --unpack=false ${web.base}/a.tgz /kept/`, `ADD --unpack ${web.base}/a.tgz /unpacked/`, `ADD --unpack=true --chown=3:4 ${web.base}/text.tar /text/`, '',
  ].join('\n'));
  const lines = (await builtFiles(options, folder)).map((line) => line.replace(/^(kept\/a\.tgz \S+ \S+) .*/s, '$1'));
  assert.deepEqual(lines, ['kept/ 755 0:0', 'kept/a.tgz 600 0:0', 'text/ 755 3:4', 'text/text.tar 600 3:4 "no archive"', 'unpacked/ 755 0:0', 'unpacked/inside 640 7:8 "text"']);
});

test('a token for the server is nowhere in the store, the image or the events', { skip }, async (t) => {
  const token = 'correct-horse-battery-staple';
  const seen: (string | undefined)[] = [];
  const port = await serve(t, (request, response) => {
    seen.push(request.headers.authorization);
    response.end('x');
  });
  const { folder, options } = await prepare(t, `FROM scratch\nADD http://127.0.0.1:${port}/f /f\n`);
  const { events, result } = await finish({ ...options, secretValues: { 'HTTP_AUTH_TOKEN_127.0.0.1': Buffer.from(token) } });
  assert.deepEqual(seen, [`Bearer ${token}`]);
  assert.ok(!JSON.stringify([events, result]).includes(token));
  const { readdir, readFile } = await import('node:fs/promises');
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) assert.ok(!(await readFile(join(entry.parentPath, entry.name))).includes(token), entry.name);
  }
});

test('COPY of an address or a repository is an error at its line, with a hint', { skip: false }, async (t) => {
  const cases = [['http://h.org/f', 'COPY_FROM_URL'], ['https://h.org/a.git', 'COPY_FROM_GIT'], ['git@h.org:a', 'COPY_FROM_GIT']] as const;
  const { folder, options } = await prepare(t, '');
  for (const [source, code] of cases) {
    await writeFile(join(folder, 'context/Dockerfile'), `FROM scratch\nCOPY ${source} /x\n`);
    await assert.rejects(finish(options), { code, exitCode: 2, hint: 'Use ADD.', position: { file: 'Dockerfile', startLine: 2, endLine: 2 } });
  }
});
