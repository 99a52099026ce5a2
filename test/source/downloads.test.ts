/** Files behind http(s) addresses: asked once, sent once, checked always. */
import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { digestOf, type BlobDigest } from '../../src/base/digest.ts';
import { createDownloads, type DownloadsOptions, type OpenDownload } from '../../src/source/http/downloads.ts';
import type { Store } from '../../src/store/store.ts';
import { makeAuthority } from '../registry/certificates.ts';
import { calm } from '../registry/client.ts';
import { serve } from '../registry/servers.ts';
import { openTestStore } from '../store/open-test-store.ts';

const content = Buffer.from('what is behind the address\n'.repeat(1000));
const digest = digestOf<BlobDigest>(content);

interface Call extends Partial<DownloadsOptions> {
  readonly checksum?: string;
  readonly secrets?: Readonly<Record<string, string>>;
}

/** One build's worth of downloads of one address; `open: false` only asks what it is. */
async function download(store: Store, url: string, { checksum, secrets = {}, ...options }: Call = {}, open = true): Promise<{ readonly digest: string; readonly opened: OpenDownload | null }> {
  const secret = (id: string): Promise<Uint8Array | null> => Promise.resolve(secrets[id] === undefined ? null : Buffer.from(secrets[id]));
  const registry = { env: {}, homeDir: '/nonexistent', dockerConfigDir: '/nonexistent', certsDirs: [], daemonConfigs: [], systemBundles: [] };
  const downloads = createDownloads({ store, registry, secret, ...options });
  try {
    const found = await downloads.resolve({ what: 'ADD', url, checksum: checksum ?? null, signal: calm });
    return { digest: found.digest, opened: open ? await found.open() : null };
  } finally {
    await downloads.close();
  }
}

/** A server that records what it is asked, as `METHOD PATH CONDITION`, and what it sends. */
async function record(t: TestContext, handler: RequestListener): Promise<{ readonly base: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const condition = ({ headers }: IncomingMessage): string => headers['if-none-match'] ?? headers['if-modified-since'] ?? '-';
  const port = await serve(t, (request, response) => {
    response.once('finish', () => asked.push(`${request.url ?? ''} ${condition(request)} ${response.statusCode}`));
    handler(request, response);
  });
  return { base: `http://127.0.0.1:${port}`, asked };
}

const fails = (code: string, message: RegExp, errorClass = 'registry') => ({ code, message, errorClass });

test('A6.73 an unchanged file with an entity tag is not sent again, a changed one is', async (t) => {
  const store = await openTestStore(t);
  let tag = '"one"';
  const { base, asked } = await record(t, (request, response) => {
    response.setHeader('etag', tag);
    if (request.headers['if-none-match'] === tag) response.writeHead(304).end();
    else response.end(tag === '"one"' ? content : 'changed');
  });
  const first = await download(store, `${base}/f`);
  assert.equal(first.digest, digest);
  assert.deepEqual(readFileSync(first.opened?.path ?? ''), content);
  const second = await download(store, `${base}/f`);
  assert.deepEqual(second, first);
  assert.deepEqual(asked, ['/f - 200', '/f "one" 304']);
  tag = '"two"';
  assert.equal((await download(store, `${base}/f`)).digest, digestOf('changed'));
  assert.equal((await download(store, `${base}/f?token=x`)).digest, digestOf('changed'));
  assert.deepEqual(asked.slice(2), ['/f "one" 200', '/f?token=x - 200']);
  assert.ok(!readdirSync(store.paths.cache, { recursive: true }).some((name) => String(name).includes('token')), 'no address is kept');
});

test('a server that knows tags but no conditions does not send the file again', async (t) => {
  const store = await openTestStore(t);
  const piece = Buffer.alloc(1_000_000);
  let sent = 0;
  const pieces = function* (): Generator<Buffer> {
    for (let i = 0; i < 50; i += 1, sent += 1) yield piece;
  };
  const { base } = await record(t, (_request, response) => {
    response.writeHead(200, { etag: '"same"', 'content-length': 50 * piece.length });
    Readable.from(pieces()).pipe(response);
  });
  await download(store, `${base}/f`);
  assert.equal(sent, 50);
  const { opened } = await download(store, `${base}/f`);
  assert.equal(readFileSync(opened?.path ?? '').length, 50 * piece.length);
  assert.ok(sent < 80, `sent ${String(sent)} million bytes`);
});

test('Last-Modified is a condition only where the file cannot have changed within the same second', async (t) => {
  const store = await openTestStore(t);
  const date = 'Mon, 05 Jan 2026 10:00:10 GMT';
  const modified: Record<string, string> = { '/old': 'Mon, 05 Jan 2026 10:00:00 GMT', '/young': 'Mon, 05 Jan 2026 10:00:09 GMT', '/none': '' };
  const { base, asked } = await record(t, (request, response) => {
    const stamp = modified[request.url ?? ''] ?? '';
    response.sendDate = false;
    response.setHeader('date', date);
    if (stamp !== '') response.setHeader('last-modified', stamp);
    if (stamp !== '' && request.headers['if-modified-since'] === stamp) response.writeHead(304).end();
    else response.end(content);
  });
  for (const path of ['/old', '/young', '/none']) for (let i = 0; i < 2; i += 1) {
    const { opened } = await download(store, base + path);
    assert.equal(opened?.modifiedSeconds, modified[path] === '' ? null : Date.parse(modified[path] ?? '') / 1000);
  }
  assert.deepEqual(asked, ['/old - 200', `/old ${modified['/old'] ?? ''} 304`, '/young - 200', '/young - 200', '/none - 200', '/none - 200']);
});

test('a file that the store lost or that went bad is fetched again, and only when it is needed', async (t) => {
  const store = await openTestStore(t);
  const { base, asked } = await record(t, (request, response) => {
    response.setHeader('etag', '"x"');
    if (request.headers['if-none-match'] === '"x"') response.writeHead(304).end();
    else response.end(content);
  });
  const { opened } = await download(store, `${base}/f`);
  const path = opened?.path ?? '';
  chmodSync(path, 0o644);
  writeFileSync(path, 'rotten');
  assert.deepEqual(await download(store, `${base}/f`, {}, false), { digest, opened: null });
  assert.deepEqual(asked, ['/f - 200', '/f "x" 304']);
  const again = await download(store, `${base}/f`);
  assert.deepEqual(readFileSync(again.opened?.path ?? ''), content);
  assert.deepEqual(asked.slice(2), ['/f "x" 304', '/f - 200']);
});

test('A1.20 a file with a checksum is asked for only when it is needed, and must be that file', async (t) => {
  const store = await openTestStore(t);
  const { base, asked } = await record(t, (_request, response) => response.end(content));
  assert.equal((await download(store, `${base}/f`, { checksum: digest }, false)).digest, digest);
  assert.deepEqual(asked, []);
  await download(store, `${base}/f`, { checksum: digest });
  await download(store, `${base}/f`, { checksum: digest });
  assert.deepEqual(asked, ['/f - 200']);
  const other = digestOf('other');
  await assert.rejects(download(store, `${base}/f`, { checksum: other }), fails('CHECKSUM_MISMATCH', new RegExp(`^ADD ${base}/f: its digest is ${digest}, not ${other}$`)));
  assert.equal(store.blobs.stat(other as BlobDigest), null);
  for (const checksum of ['md5:0', 'sha256:abc', digest.toUpperCase()]) await assert.rejects(download(store, `${base}/f`, { checksum }), fails('CHECKSUM_INVALID', /invalid checksum/, 'usage'));
});

test('secrets named after the server are credentials, for its own origin only', async (t) => {
  const store = await openTestStore(t);
  const seen: string[] = [];
  const other = await serve(t, (request, response) => {
    seen.push(`other ${request.headers.authorization ?? '-'}`);
    response.end(content);
  });
  const port = await serve(t, (request, response) => {
    seen.push(request.headers.authorization ?? '-');
    if (request.url === '/away') response.writeHead(302, { location: `http://localhost:${other}/f` }).end();
    else if (request.url === '/near') response.writeHead(302, { location: '/f' }).end();
    else response.end(content);
  });
  const base = `http://127.0.0.1:${port}`;
  await download(store, `${base}/1`, { secrets: { 'HTTP_AUTH_TOKEN_127.0.0.1': 'tok\n', 'HTTP_AUTH_HEADER_127.0.0.1': 'Custom x' } });
  await download(store, `${base}/2`, { secrets: { 'HTTP_AUTH_HEADER_127.0.0.1': 'Custom x' } });
  await download(store, `${base}/3`, { secrets: { 'HTTP_AUTH_TOKEN_localhost': 'tok' } });
  await download(store, `${base}/near`, { secrets: { 'HTTP_AUTH_TOKEN_127.0.0.1': 'tok' } });
  await download(store, `http://me:p%40ss@127.0.0.1:${port}/away`);
  assert.deepEqual(seen, ['Bearer tok', 'Custom x', '-', 'Bearer tok', 'Bearer tok', `Basic ${btoa('me:p@ss')}`, 'other -']);
  for (const value of ['a\nb', '', 'tök']) {
    await assert.rejects(download(store, `${base}/1`, { secrets: { 'HTTP_AUTH_TOKEN_127.0.0.1': value } }), fails('SECRET_INVALID', /^secret HTTP_AUTH_TOKEN_127\.0\.0\.1: it is empty or/, 'usage'));
  }
});

test('HTTPS is not redirected to HTTP, nothing to a file, and a circle ends', async (t) => {
  const store = await openTestStore(t);
  const secure = await serve(t, (_request, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/f' }).end(), makeAuthority(t).issue('localhost'));
  await assert.rejects(download(store, `https://127.0.0.1:${secure}/f`), fails('DOWNLOAD_FAILED', /a redirect from HTTPS to http:\/\/127\.0\.0\.1:1/));
  const { base } = await record(t, (request, response) => response.writeHead(302, { location: request.url === '/file' ? 'file:///etc/passwd' : '/again' }).end());
  await assert.rejects(download(store, `${base}/file`), fails('DOWNLOAD_FAILED', /a redirect from HTTP to file:/));
  await assert.rejects(download(store, `${base}/again`), fails('DOWNLOAD_FAILED', /more than 10 redirects/));
});

test('what the server refuses, breaks off or sends without end is an error that names the address, without its password', async (t) => {
  const store = await openTestStore(t);
  const { base } = await record(t, (request, response) => {
    if (request.url === '/missing') response.writeHead(404).end();
    else if (request.url === '/304') response.writeHead(304).end();
    else if (request.url === '/endless') {
      const more = (): boolean => response.write(Buffer.alloc(65_536));
      response.on('drain', () => { while (more()); });
      while (more());
    } else response.writeHead(200, { 'content-length': 100 }).write('short', () => response.destroy());
  });
  const withPassword = base.replace('//', '//me:hunter2@');
  await assert.rejects(download(store, `${withPassword}/missing`), fails('DOWNLOAD_FAILED', /^ADD http:\/\/xxxxx@127\.0\.0\.1:\d+\/missing: invalid response status 404$/));
  await assert.rejects(download(store, `${base}/304`), fails('DOWNLOAD_FAILED', /"not modified" to a request without a condition/));
  await assert.rejects(download(store, `${base}/short`), fails('DOWNLOAD_FAILED', /\/short: ./));
  await assert.rejects(download(store, `${base}/endless`, { sizeBytesMax: 1_000_000 }), fails('DOWNLOAD_TOO_LARGE', /it has more than 1000000 bytes/));
  await assert.rejects(download(store, 'http://127.0.0.1:1/f'), fails('DOWNLOAD_FAILED', /ECONNREFUSED/));
  await assert.rejects(download(store, 'http://[bad/f'), fails('URL_INVALID', /it is no address/, 'usage'));
  assert.deepEqual(readdirSync(join(store.paths.oci, 'blobs/sha256')), []);
  assert.deepEqual(readdirSync(store.paths.tmp), []);
});

test('a server that is busy for a moment is asked again', async (t) => {
  const store = await openTestStore(t);
  let count = 0;
  const { base } = await record(t, (_request, response) => {
    count += 1;
    if (count === 1) response.writeHead(200, { 'content-length': content.length }).write('short', () => response.destroy());
    else response.end(content);
  });
  assert.equal((await download(store, `${base}/f`)).digest, digest);
  assert.equal(count, 2);
});
