/** Uploads to servers that break off, send elsewhere and refuse. */
import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import type { PushOutcome } from '../../src/registry/push.ts';
import { calm, makeImage, openClient, refTo } from './client.ts';
import { serve } from './servers.ts';

const { descriptor, bytes } = makeImage(Buffer.from(Array.from({ length: 300_000 }, (_, at) => ((at * at) >> 7) % 251))).layer;

async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += 10_000) yield await Promise.resolve(bytes.subarray(at, at + 10_000));
}

function push(t: TestContext, port: number, signal: AbortSignal = calm): Promise<PushOutcome> {
  const client = openClient(t, { credentials: () => Promise.resolve({ kind: 'basic', username: 'user', password: 'secret' }) });
  return client.pushBlob(refTo(port), { descriptor, open: chunks }, { signal });
}

/** Demands a password; has no blobs; sends uploads to `location`, where `put` takes them. */
function uploads(location: () => string, put: RequestListener): RequestListener {
  return (request, response) => {
    if (request.headers.authorization === undefined) response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    else if (request.method === 'HEAD') response.writeHead(404).end();
    else if (request.method === 'POST') response.writeHead(202, { location: location() }).end();
    else put(request, response);
  };
}

test('an upload that breaks is started again from the beginning', async (t) => {
  let attempts = 0;
  const received: Buffer[] = [];
  const port = await serve(t, uploads(() => '/upload?state=1', (request, response) => {
    attempts += 1;
    if (attempts === 1) request.once('data', () => response.destroy());
    else if (attempts === 2) request.resume().on('end', () => response.writeHead(503).end());
    else void buffer(request).then((body) => (received.push(body), response.writeHead(201).end()));
    assert.equal(request.url, `/upload?state=1&digest=${encodeURIComponent(descriptor.digest)}`);
  }));
  assert.equal(await push(t, port), 'uploaded');
  assert.deepEqual(received, [bytes]);
});

test('an upload to another host carries no credentials', async (t) => {
  const seen: (string | undefined)[] = [];
  const storage = await serve(t, (request, response) => {
    seen.push(request.headers.authorization);
    request.resume().on('end', () => response.writeHead(201).end());
  });
  const port = await serve(t, uploads(() => `http://localhost:${storage}/put`, (_request, response) => response.writeHead(500).end()));
  assert.equal(await push(t, port), 'uploaded');
  assert.deepEqual(seen, [undefined]);
});

for (const [what, location] of [['nowhere', ''], ['a file', 'file:///etc/passwd']] as const) {
  test(`an upload that is sent to ${what} is refused`, async (t) => {
    const port = await serve(t, uploads(() => location, (_request, response) => response.writeHead(201).end()));
    await assert.rejects(push(t, port), { code: 'REGISTRY_UNEXPECTED', message: new RegExp(`^push 127.0.0.1:${port}/app:1: `) });
  });
}

test('an abort ends an upload', async (t) => {
  const controller = new AbortController();
  const port = await serve(t, uploads(() => '/upload', (request) => request.once('data', () => controller.abort())));
  await assert.rejects(push(t, port, controller.signal), { code: 'INTERRUPTED', exitCode: 130 });
});
