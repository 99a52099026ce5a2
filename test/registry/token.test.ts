/** The token flow against docker-registry and a token server of the test. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { parseChallenges } from '../../src/registry/challenge.ts';
import type { Credentials } from '../../src/registry/options.ts';
import { TsbuildError } from '../../src/base/errors.ts';
import { makeAuthority } from './certificates.ts';
import { calm, collect, makeImage, openClient, pushImage, refTo } from './client.ts';
import { serve, startRegistry } from './servers.ts';
import { startTokenServer } from './token-server.ts';

async function start(t: TestContext) {
  const tokens = await startTokenServer(t, makeAuthority(t));
  const port = await startRegistry(t, { token: tokens });
  const login = (credentials: Credentials | null) => openClient(t, { credentials: () => Promise.resolve(credentials) });
  return { tokens, port, login };
}

const known: Credentials = { kind: 'basic', username: 'user', password: 'secret' };

test('anonymous users pull, those who are logged in push, and one token serves a whole repository', async (t) => {
  const { tokens, port, login } = await start(t);
  const image = makeImage();
  await pushImage(login(known), refTo(port), image);
  assert.deepEqual(tokens.questions.map((question) => question.scopes), [['repository:app:pull,push', 'repository:app:pull'].sort()]);
  const anonymous = login(null);
  tokens.questions.length = 0;
  await anonymous.getManifest(refTo(port), calm);
  await collect(anonymous.fetchBlob(refTo(port), image.layer.descriptor, { signal: calm }));
  assert.deepEqual(tokens.questions, [{ method: 'GET', scopes: ['repository:app:pull'], authorization: undefined, form: '' }]);
  await assert.rejects(pushImage(anonymous, refTo(port), makeImage('other')), { code: 'REGISTRY_UNAUTHORIZED' });
});

test('requests that need a token at the same time ask for it once', async (t) => {
  const { tokens, port, login } = await start(t);
  await pushImage(login(known), refTo(port), makeImage());
  tokens.questions.length = 0;
  const client = login(null);
  await Promise.all(Array.from({ length: 8 }, () => client.resolve(refTo(port), calm)));
  assert.equal(tokens.questions.length, 1);
});

test('an identity token is exchanged by POST', async (t) => {
  const { tokens, port, login } = await start(t);
  await pushImage(login({ kind: 'identity-token', token: 'refresh' }), refTo(port), makeImage());
  const [question] = tokens.questions;
  assert.equal(question?.method, 'POST');
  assert.equal(question?.authorization, undefined);
  assert.match(question?.form ?? '', /grant_type=refresh_token/);
});

test('a wrong password is refused by the token server, and is in no part of the error', async (t) => {
  const { port, login } = await start(t);
  await assert.rejects(login({ kind: 'basic', username: 'user', password: 'wr0ng-pass' }).getManifest(refTo(port), calm), (error: unknown) => {
    assert.ok(error instanceof TsbuildError);
    assert.equal(error.code, 'TOKEN_REFUSED');
    assert.match(error.message, new RegExp(`^pull 127.0.0.1:${port}/app:1: log in: 127.0.0.1:\\d+: the login was refused`));
    assert.doesNotMatch(`${error.stack} ${JSON.stringify(error)} ${error.hint}`, /wr0ng/);
    return true;
  });
});

test('a login that fails leaves neither a connection nor a listener of the registry behind', async (t) => {
  const port = await serve(t, (_request, response) => response.writeHead(401, { 'www-authenticate': 'Bearer realm="http://127.0.0.1:1/token"' }).end('no'));
  const { signal } = new AbortController();
  await assert.rejects(openClient(t).getManifest(refTo(port), signal), { name: 'TsbuildError', errorClass: 'registry' });
  await setImmediate(); // the body that was thrown away is closed in the next turn
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('a broken credential helper does not stop an anonymous pull, and is named when the registry refuses', async (t) => {
  const { port, login } = await start(t);
  await pushImage(login(known), refTo(port), makeImage());
  const failure = new TsbuildError('registry', 'CREDENTIAL_HELPER', 'docker-credential-desktop: it is not installed');
  const broken = openClient(t, { credentials: () => Promise.reject(failure) });
  await broken.getManifest(refTo(port), calm);
  await assert.rejects(pushImage(broken, refTo(port), makeImage('other')), { code: 'REGISTRY_UNAUTHORIZED', cause: failure, hint: /docker-credential-desktop: it is not installed/ });
});

test('a registry reached by HTTPS cannot send the password to a token server without it', async (t) => {
  const authority = makeAuthority(t);
  const asked: string[] = [];
  const evil = await serve(t, (request, response) => {
    asked.push(request.url ?? '');
    response.end('{"token":"x"}');
  });
  const port = await serve(t, (_request, response) => response.writeHead(401, { 'www-authenticate': `Bearer realm="http://127.0.0.1:${evil}/token"` }).end(), authority.issue('registry.test'));
  const client = openClient(t, { credentials: () => Promise.resolve(known), tls: { roots: [authority.cert], hosts: new Map() } });
  await assert.rejects(client.getManifest(refTo(port, 'app:1', 'registry.test'), calm), { code: 'TOKEN_INVALID' });
  assert.deepEqual(asked, []);
});

for (const [what, answer] of [['no JSON', 'tok'], ['no token', '{}'], ['a token with a line break', '{"token":"a\\r\\nX-Evil: 1"}']] as const) {
  test(`a token server that answers with ${what} is refused`, async (t) => {
    const realm = await serve(t, (_request, response) => response.end(answer));
    const port = await serve(t, (_request, response) => response.writeHead(401, { 'www-authenticate': `Bearer realm="http://127.0.0.1:${realm}/"` }).end());
    await assert.rejects(openClient(t).getManifest(refTo(port), calm), { code: 'TOKEN_INVALID' });
  });
}

const challenges: readonly (readonly [string, string])[] = [
  ['Bearer realm="https://a/b",service="s",scope="repository:x:pull,push"', 'bearer realm=https://a/b service=s scope=repository:x:pull,push'],
  ['Basic realm="a, \\"b\\""', 'basic realm=a, "b"'],
  ['Basic realm="x", Bearer realm="y"', 'basic realm=x | bearer realm=y'],
  ['Negotiate, Bearer realm="y"', 'negotiate | bearer realm=y'],
  ['Negotiate abc==, Basic realm=x', 'negotiate | basic realm=x'],
  ['BEARER Realm="y" , Service = "z"', 'bearer realm=y service=z'],
  ['', ''],
  ['"', ''],
];
for (const [header, expected] of challenges) {
  test(`parseChallenges reads ${header}`, () => {
    const shown = parseChallenges(header).map(({ scheme, parameters }) => [scheme, ...[...parameters].map(([name, value]) => `${name}=${value}`)].join(' '));
    assert.equal(shown.join(' | '), expected);
  });
}
