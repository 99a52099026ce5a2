import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { mediaTypes } from '../../src/image/config.ts';
import { selectProxy } from '../../src/registry/proxies.ts';
import { makeAuthority } from './certificates.ts';
import { calm, makeImage, openClient, refTo } from './client.ts';
import { listen, serve } from './servers.ts';

/** A CONNECT proxy to whom every name is this machine; returns what it was asked. */
async function startProxy(t: TestContext): Promise<{ port: number; asked: string[] }> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const proxy = createServer((_request, response) => response.writeHead(500).end());
  proxy.on('connect', (request, client: Socket) => {
    asked.push(`${request.url} ${request.headers['proxy-authorization'] ?? 'nobody'}`);
    const upstream = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => socket.destroy()));
  });
  t.after(() => sockets.forEach((socket) => socket.destroy()));
  return { port: await listen(t, proxy), asked };
}

test('HTTPS goes through the proxy, whose password it gets and the registry does not', async (t) => {
  const authority = makeAuthority(t);
  const { manifest } = makeImage();
  const seen: (string | undefined)[] = [];
  const port = await serve(t, (request, response) => {
    seen.push(request.headers.authorization, request.headers['proxy-authorization']);
    response.writeHead(200, { 'content-type': mediaTypes.ociManifest }).end(manifest.bytes);
  }, authority.issue('registry.test'));
  const proxy = await startProxy(t);
  const client = openClient(t, { tls: { roots: [authority.cert], hosts: new Map() }, proxies: { https: `http://me:pass@127.0.0.1:${proxy.port}` } });
  await client.getManifest(refTo(port, 'a:1', 'registry.test'), calm);
  assert.deepEqual(proxy.asked, [`registry.test:${port} Basic ${btoa('me:pass')}`]);
  assert.deepEqual(seen, [undefined, undefined]);
});

test('plain HTTP to an insecure registry goes through the proxy as well', async (t) => {
  const { manifest } = makeImage();
  const port = await serve(t, (_request, response) => response.writeHead(200, { 'content-type': mediaTypes.ociManifest }).end(manifest.bytes));
  const proxy = await startProxy(t);
  const client = openClient(t, { insecure: [`plain.test:${port}`], proxies: { http: `127.0.0.1:${proxy.port}`, https: `127.0.0.1:${proxy.port}` } });
  await client.getManifest(refTo(port, 'a:1', 'plain.test'), calm);
  assert.ok(proxy.asked.length >= 1);
});

const choices: readonly (readonly [string, string, string | null])[] = [
  ['https://registry.test/', '', 'http://s:1'],
  ['http://registry.test/', '', 'http://p:1'],
  ['https://localhost:5000/', '', null],
  ['https://127.0.0.9/', '', null],
  ['https://registry.test/', '*', null],
  ['https://registry.test/', 'test', null],
  ['https://registry.test/', '.test', null],
  ['https://test/', '.test', 'http://s:1'],
  ['https://registry.test/', 'other.test,registry.test', null],
  ['https://xregistry.test/', 'registry.test', 'http://s:1'],
  ['https://registry.test:8443/', 'registry.test:443', 'http://s:1'],
  ['https://registry.test/', 'registry.test:443', null],
  ['https://10.1.2.3/', '10.0.0.0/8', null],
  ['https://11.1.2.3/', '10.0.0.0/8', 'http://s:1'],
  ['https://[fd00::1]/', 'fd00::/8', null],
];
for (const [url, no, expected] of choices) {
  test(`with NO_PROXY=${no} a request to ${url} goes ${expected === null ? 'straight' : 'through the proxy'}`, () => {
    assert.equal(selectProxy(new URL(url), { http: 'http://p:1', https: 's:1', no }), expected);
  });
}
