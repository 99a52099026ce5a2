/** Against Debian's docker-registry: what we push it serves, to us and to skopeo. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { decodeManifest } from '../../src/image/decode.ts';
import { parseReference } from '../../src/image/reference.ts';
import { makeAuthority } from './certificates.ts';
import { calm, collect, makeImage, openClient, pushImage, refTo } from './client.ts';
import { startRegistry } from './servers.ts';

// Of `secret`, made by crypt(3).
const htpasswd = 'user:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n';

function skopeo(...args: readonly string[]): string {
  return execFileSync('skopeo', args, { encoding: 'utf8', stdio: 'pipe' });
}

test('an image is pushed over plain HTTP on loopback, and pulled by tag and by digest', async (t) => {
  const port = await startRegistry(t);
  const client = openClient(t);
  const image = makeImage();
  assert.deepEqual(await pushImage(client, refTo(port), image), ['uploaded', 'uploaded']);
  assert.deepEqual(await pushImage(client, refTo(port), image), ['existed', 'existed']);

  assert.deepEqual((await client.resolve(refTo(port), calm)).descriptor, image.manifest.descriptor);
  const byTag = await client.getManifest(refTo(port), calm);
  const byDigest = await client.getManifest({ ...refTo(port), digest: image.manifest.descriptor.digest }, calm);
  assert.deepEqual(Buffer.from(byTag.bytes), image.manifest.bytes);
  assert.deepEqual(byDigest, byTag);
  const seen: number[] = [];
  const blob = await collect(client.fetchBlob(refTo(port), image.layer.descriptor, { signal: calm, onProgress: (current) => seen.push(current) }));
  assert.deepEqual(blob, image.layer.bytes);
  assert.equal(seen.at(-1), image.layer.bytes.length);
});

test('a blob is mounted from another repository of the registry', async (t) => {
  const port = await startRegistry(t);
  const client = openClient(t);
  const { layer } = makeImage();
  await pushImage(client, refTo(port, 'first:1'), makeImage());
  const open = () => assert.fail('nothing has to be sent');
  assert.equal(await client.pushBlob(refTo(port, 'second:1'), { descriptor: layer.descriptor, open, mountFrom: 'first' }, { signal: calm }), 'mounted');
});

test('skopeo reads what we pushed, and we read what skopeo pushed', async (t) => {
  const port = await startRegistry(t);
  const client = openClient(t);
  const image = makeImage('skopeo');
  await pushImage(client, refTo(port, 'ours:1'), image);
  assert.equal(skopeo('inspect', '--raw', '--tls-verify=false', `docker://127.0.0.1:${port}/ours:1`), image.manifest.bytes.toString());
  skopeo('copy', '--src-tls-verify=false', '--dest-tls-verify=false', '--format=v2s2', `docker://127.0.0.1:${port}/ours:1`, `docker://127.0.0.1:${port}/theirs:2`);
  const fetched = await client.getManifest(refTo(port, 'theirs:2'), calm);
  const manifest = decodeManifest(fetched.bytes, { name: 'theirs', mediaType: fetched.descriptor.mediaType });
  assert.equal(manifest.mediaType, 'application/vnd.docker.distribution.manifest.v2+json');
  assert.equal((await collect(client.fetchBlob(refTo(port, 'theirs:2'), manifest.config, { signal: calm }))).length, manifest.config.size);
});

test('what is not there is said to be not there, with the name and the host', async (t) => {
  const port = await startRegistry(t);
  const client = openClient(t);
  const name = `127.0.0.1:${port}/none:1`;
  await assert.rejects(client.getManifest(refTo(port, 'none:1'), calm), (error: Error & { code: string; hint: string }) => {
    assert.equal(error.code, 'IMAGE_NOT_FOUND');
    assert.equal(error.message, `pull ${name}: 127.0.0.1:${port}: not found: manifest unknown`);
    assert.match(error.hint, /Check the name/);
    return true;
  });
  await assert.rejects(collect(client.fetchBlob(refTo(port), makeImage().layer.descriptor, { signal: calm })), { code: 'BLOB_NOT_FOUND' });
});

test('HTTPS is trusted by the authority in certs.d, and by nothing else', async (t) => {
  const authority = makeAuthority(t);
  const port = await startRegistry(t, { tls: authority.issue('registry.test') });
  const reference = refTo(port, 'app:1', 'registry.test');
  const trusting = openClient(t, { tls: { hosts: new Map([[`registry.test:${port}`, { ca: [authority.cert] }]]) } });
  await pushImage(trusting, reference, makeImage());
  await trusting.getManifest(reference, calm);
  const rooted = openClient(t, { tls: { roots: [authority.cert], hosts: new Map() } });
  await rooted.getManifest(reference, calm);
  const strict = openClient(t);
  await assert.rejects(strict.getManifest(reference, calm), { code: 'REGISTRY_UNREACHABLE', message: new RegExp(`^pull registry.test:${port}/app:1: registry.test:${port}: its certificate is not trusted`), hint: new RegExp(`certs.d/registry.test:${port}/ca.crt`) });
  const insecure = openClient(t, { insecure: [`registry.test:${port}`] });
  await insecure.getManifest(reference, calm);
});

test('a client certificate opens a registry that asks for one', async (t) => {
  const authority = makeAuthority(t);
  const port = await startRegistry(t, { tls: authority.issue('registry.test'), clientAuthority: authority.cert });
  const reference = refTo(port, 'app:1', 'registry.test');
  const host = `registry.test:${port}`;
  const known = openClient(t, { tls: { hosts: new Map([[host, { ca: [authority.cert], client: authority.issue('client') }]]) } });
  await pushImage(known, reference, makeImage());
  const unknown = openClient(t, { tls: { hosts: new Map([[host, { ca: [authority.cert] }]]) } });
  await assert.rejects(unknown.getManifest(reference, calm), { code: 'REGISTRY_UNREACHABLE' });
});

test('basic authentication works, and its failure names neither user nor password', async (t) => {
  const port = await startRegistry(t, { htpasswd });
  const login = (password: string) => openClient(t, { credentials: () => Promise.resolve({ kind: 'basic', username: 'user', password }) });
  const right = login('secret');
  await pushImage(right, refTo(port), makeImage());
  await right.getManifest(refTo(port), calm);
  await assert.rejects(login('wr0ng-pass').getManifest(refTo(port), calm), (error: Error & { code: string }) => {
    assert.equal(error.code, 'REGISTRY_UNAUTHORIZED');
    assert.doesNotMatch(JSON.stringify([error.message, error, String(error.stack)]), /wr0ng-pass|d3Iwbmct/);
    return true;
  });
  await assert.rejects(openClient(t).getManifest(refTo(port), calm), { code: 'REGISTRY_UNAUTHORIZED', hint: new RegExp(`docker login 127.0.0.1:${port}`) });
});

test('a registry that is not running is named with what went wrong', async (t) => {
  const client = openClient(t);
  await assert.rejects(client.getManifest(parseReference('127.0.0.1:1/app'), calm), { code: 'REGISTRY_UNREACHABLE', message: 'pull 127.0.0.1:1/app:latest: 127.0.0.1:1: connection refused' });
});
