/** Servers that redirect, break off, lie and refuse. */
import assert from 'node:assert/strict';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import { mediaTypes } from '../../src/image/config.ts';
import { parseReference } from '../../src/image/reference.ts';
import type { Credentials } from '../../src/registry/options.ts';
import { makeAuthority } from './certificates.ts';
import { calm, collect, makeImage, openClient, refTo } from './client.ts';
import { serve } from './servers.ts';

const image = makeImage(Buffer.from(Array.from({ length: 300_000 }, (_, index) => ((index * index) >> 7) % 251)));
const { bytes, descriptor } = image.layer;
const password: Credentials = { kind: 'basic', username: 'user', password: 'secret' };

/** Asks for a password, then hands over to the handler. */
function guarded(handler: RequestListener): RequestListener {
  return (request, response) => {
    if (request.headers.authorization === undefined) response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    else handler(request, response);
  };
}

function pullBlob(t: TestContext, port: number, pauses: number[] = []): Promise<Buffer> {
  const client = openClient(t, { credentials: () => Promise.resolve(password) }, pauses);
  return collect(client.fetchBlob(refTo(port), descriptor, { signal: calm }));
}

test('credentials do not follow a redirect to another host, and its 401 is not answered', async (t) => {
  const seen: (string | undefined)[] = [];
  let denied = false;
  const storage = await serve(t, (request, response) => {
    seen.push(request.headers.authorization);
    if (denied) response.writeHead(401, { 'www-authenticate': 'Basic realm="give me"' }).end();
    else response.end(bytes);
  });
  const port = await serve(t, guarded((_request, response) => response.writeHead(307, { location: `http://localhost:${storage}/blob?signature=abc` }).end()));
  assert.deepEqual(await pullBlob(t, port), bytes);
  denied = true;
  await assert.rejects(pullBlob(t, port), (error: Error & { code: string }) => {
    assert.equal(error.code, 'REGISTRY_UNAUTHORIZED');
    assert.doesNotMatch(error.message, /signature|secret/);
    return true;
  });
  assert.deepEqual(seen, [undefined, undefined]);
});

test('credentials stay on a redirect within the host', async (t) => {
  const port = await serve(t, guarded((request, response) => {
    if (request.url === '/other') response.end(bytes);
    else response.writeHead(302, { location: '/other' }).end();
  }));
  assert.deepEqual(await pullBlob(t, port), bytes);
});

test('HTTPS is not redirected to HTTP', async (t) => {
  const authority = makeAuthority(t);
  const port = await serve(t, (_request, response) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(), authority.issue('registry.test'));
  const client = openClient(t, { tls: { roots: [authority.cert], hosts: new Map() } });
  await assert.rejects(client.getManifest(refTo(port, 'a:1', 'registry.test'), calm), { code: 'REGISTRY_REDIRECT' });
});

test('redirects in a circle end', async (t) => {
  const port = await serve(t, (_request, response) => response.writeHead(307, { location: '/again' }).end());
  await assert.rejects(pullBlob(t, port), { code: 'REGISTRY_REDIRECT', message: /more than 5 redirects/ });
});

/** Serves ranges of the blob, but only so many bytes at once, and then drops the connection. */
function breaksAfter(count: number, requests: (string | undefined)[], ranges = true): RequestListener {
  return (request, response) => {
    requests.push(request.headers.range);
    const start = ranges ? Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0) : 0;
    const headers = { 'content-length': bytes.length - start };
    if (start > 0) response.writeHead(206, { ...headers, 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` });
    else response.writeHead(200, headers);
    const part = bytes.subarray(start, start + count);
    if (part.length === bytes.length - start) response.end(part);
    else response.write(part, () => response.destroy());
  };
}

test('a broken download goes on where it broke', async (t) => {
  const requests: (string | undefined)[] = [];
  const half = Math.ceil(bytes.length / 2);
  const port = await serve(t, breaksAfter(half, requests));
  assert.deepEqual(await pullBlob(t, port), bytes);
  assert.deepEqual(requests, [undefined, `bytes=${half}-`]);
});

test('a server without ranges starts again, and what is there already is passed over', async (t) => {
  const requests: (string | undefined)[] = [];
  let count = Math.ceil(bytes.length / 2);
  const port = await serve(t, (request, response) => {
    breaksAfter(count, requests, false)(request, response);
    count = bytes.length;
  });
  assert.deepEqual(await pullBlob(t, port), bytes);
  assert.equal(requests.length, 2);
});

test('a download that never gets further fails after a few attempts', async (t) => {
  const requests: (string | undefined)[] = [];
  const port = await serve(t, breaksAfter(100, requests, false));
  await assert.rejects(pullBlob(t, port), { code: 'REGISTRY_UNREACHABLE' });
  assert.equal(requests.length, 6);
});

const lies: readonly (readonly [string, (request: IncomingMessage, response: ServerResponse) => void])[] = [
  ['other bytes', (_request, response) => response.end(Buffer.alloc(bytes.length))],
  ['too few bytes', (request, response) => (request.headers.range === undefined ? response.end(bytes.subarray(0, 10)) : response.writeHead(416).end())],
  ['too many bytes', (_request, response) => response.end(Buffer.concat([bytes, bytes]))],
  ['nothing', (_request, response) => response.end()],
  ['no end', (_request, response) => {
    const more = (): void => void (response.destroyed || response.write(bytes, more));
    more();
  }],
];
for (const [what, handler] of lies) {
  test(`a blob with ${what} is refused`, async (t) => {
    const port = await serve(t, handler);
    await assert.rejects(pullBlob(t, port), { code: 'BLOB_MISMATCH', errorClass: 'registry', message: new RegExp(`^pull 127.0.0.1:${port}/app:1: blob ${descriptor.digest}: `) });
  });
}

test('a manifest with another digest than announced or asked for is refused', async (t) => {
  const { manifest } = makeImage();
  const port = await serve(t, (_request, response) => response.writeHead(200, { 'content-type': mediaTypes.ociManifest, 'docker-content-digest': descriptor.digest, 'content-length': manifest.bytes.length }).end(manifest.bytes));
  const client = openClient(t);
  await assert.rejects(client.getManifest(refTo(port), calm), { code: 'MANIFEST_MISMATCH' });
  await assert.rejects(client.getManifest({ ...refTo(port), digest: descriptor.digest }, calm), { code: 'MANIFEST_MISMATCH' });
  await assert.rejects(client.resolve({ ...refTo(port), digest: manifest.descriptor.digest }, calm), { code: 'MANIFEST_MISMATCH' });
});

test('a manifest without end is refused at the limit', async (t) => {
  const port = await serve(t, (_request, response) => {
    const more = (): void => void (response.destroyed || response.write(Buffer.alloc(100_000), more));
    more();
  });
  await assert.rejects(openClient(t).getManifest(refTo(port), calm), { code: 'DOCUMENT_TOO_LARGE' });
});

test('resolve asks by GET where HEAD says too little', async (t) => {
  const { manifest } = makeImage();
  const methods: (string | undefined)[] = [];
  const port = await serve(t, (request, response) => {
    methods.push(request.method);
    response.writeHead(200, { 'content-type': mediaTypes.ociManifest }).end(request.method === 'HEAD' ? undefined : manifest.bytes);
  });
  assert.deepEqual((await openClient(t).resolve(refTo(port), calm)).descriptor, manifest.descriptor);
  assert.deepEqual(methods, ['HEAD', 'GET']);
});

test('a busy registry is asked again, later each time, and Retry-After is honoured', async (t) => {
  const statuses = [503, 429, 502];
  const port = await serve(t, (_request, response) => {
    const status = statuses.shift();
    if (status === undefined) response.end(bytes);
    else response.writeHead(status, status === 429 ? { 'retry-after': '7' } : {}).end();
  });
  const pauses: number[] = [];
  assert.deepEqual(await pullBlob(t, port, pauses), bytes);
  assert.deepEqual(pauses, [250, 7000, 1000]);
});

for (const [status, code] of [[429, 'REGISTRY_RATE_LIMIT'], [500, 'REGISTRY_UNAVAILABLE'], [403, 'REGISTRY_DENIED'], [404, 'IMAGE_NOT_FOUND'], [418, 'REGISTRY_UNEXPECTED']] as const) {
  test(`HTTP status ${status} ends as ${code}, and the registry's words are made safe`, async (t) => {
    const port = await serve(t, (_request, response) => response.writeHead(status).end(JSON.stringify({ errors: [{ code: 'X', message: 'evil \u001b[2J\u009b words\n' }] })));
    await assert.rejects(openClient(t).getManifest(refTo(port), calm), (error: Error & { code: string; exitCode: number }) => {
      assert.equal(error.code, code);
      assert.equal(error.exitCode, 4);
      assert.match(error.message, /: evil \[2J words$/);
      return true;
    });
  });
}

test('an abort ends a download, a retry and a wait for a place', async (t) => {
  const port = await serve(t, (_request, response) => void response.write(bytes.subarray(0, 10)));
  const client = openClient(t, { transfersMax: 1 });
  const controller = new AbortController();
  const download = async (): Promise<void> => {
    for await (const chunk of client.fetchBlob(refTo(port), descriptor, { signal: controller.signal })) controller.abort(chunk.length);
  };
  const [first, second] = await Promise.allSettled([download(), download()]);
  for (const outcome of [first, second]) assert.equal(outcome.status === 'rejected' && (outcome.reason as { code: string }).code, 'INTERRUPTED');
});

test('a consumer that stops early gives its place back', async (t) => {
  const port = await serve(t, (_request, response) => response.end(bytes));
  const client = openClient(t, { transfersMax: 1 });
  for await (const chunk of client.fetchBlob(refTo(port), descriptor, { signal: calm })) {
    assert.ok(chunk.length < bytes.length);
    break;
  }
  assert.deepEqual(await collect(client.fetchBlob(refTo(port), descriptor, { signal: calm })), bytes);
});

test('a mirror is asked first, without the registry\'s credentials, and passed over when it fails', async (t) => {
  const { manifest } = makeImage();
  const seen: string[] = [];
  let broken = false;
  const mirror = await serve(t, (request, response) => {
    seen.push(`mirror ${request.url} ${request.headers.authorization ?? 'nobody'}`);
    if (broken) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': mediaTypes.ociManifest }).end(manifest.bytes);
  });
  const port = await serve(t, (request, response) => {
    seen.push(`registry ${request.url}`);
    response.writeHead(200, { 'content-type': mediaTypes.ociManifest }).end(manifest.bytes);
  });
  const asked: string[] = [];
  const credentials = (registry: string): Promise<null> => Promise.resolve((asked.push(registry), null));
  const client = openClient(t, { credentials, mirrors: new Map([[`127.0.0.1:${port}`, [`http://127.0.0.1:${mirror}/prefix/`, 'http://127.0.0.1:1']]]) });
  await client.getManifest(refTo(port, 'library/a:1'), calm);
  broken = true;
  await client.getManifest(refTo(port, 'library/a:1'), calm);
  assert.deepEqual(seen, ['mirror /prefix/v2/library/a/manifests/1 nobody', 'mirror /prefix/v2/library/a/manifests/1 nobody', 'registry /v2/library/a/manifests/1']);
});

test('Docker Hub is reached by its own name', async (t) => {
  const client = openClient(t, { timeouts: { connectMs: 1000, headersMs: 1000, idleMs: 1000 }, lookup: (name, _options, callback) => callback(Object.assign(new Error(name), { code: 'ENOTFOUND' }), '', 4) });
  await assert.rejects(client.getManifest(parseReference('busybox'), calm), { message: 'pull docker.io/library/busybox:latest: registry-1.docker.io: no such host' });
});
