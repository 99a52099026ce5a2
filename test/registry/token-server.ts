/** A token server for docker-registry: signs what it is asked for, and remembers how it was asked. */
import { createSign, randomUUID, X509Certificate } from 'node:crypto';
import type { TestContext } from 'node:test';
import { text } from 'node:stream/consumers';
import type { KeyPair } from './certificates.ts';
import { serve } from './servers.ts';

export interface TokenQuestion {
  readonly method: string;
  readonly scopes: readonly string[];
  readonly authorization: string | undefined;
  readonly form: string;
}

export interface TokenServer {
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  readonly bundle: string;
  readonly questions: TokenQuestion[];
}

/** Anonymous users may pull; `user:secret` and the identity token `refresh` may push. */
export async function startTokenServer(test: TestContext, pair: KeyPair): Promise<TokenServer> {
  const questions: TokenQuestion[] = [];
  const port = await serve(test, (request, response) => {
    void text(request).then((form) => {
      const parameters = request.method === 'POST' ? new URLSearchParams(form) : new URL(request.url ?? '', 'http://x').searchParams;
      const scopes = parameters.getAll('scope').flatMap((scope) => scope.split(' '));
      questions.push({ method: request.method ?? '', scopes, authorization: request.headers.authorization, form });
      const known = request.headers.authorization === `Basic ${btoa('user:secret')}` || parameters.get('refresh_token') === 'refresh';
      const guessed = request.headers.authorization !== undefined || parameters.has('refresh_token');
      if (guessed && !known) return response.writeHead(401).end('{}');
      const token = sign(scopes, known ? ['pull', 'push'] : ['pull'], pair);
      return response.end(JSON.stringify(request.method === 'POST' ? { access_token: token } : { token }));
    });
  });
  return { realm: `http://127.0.0.1:${port}/token`, service: 'test', issuer: 'tester', bundle: pair.cert, questions };
}

function sign(scopes: readonly string[], allowed: readonly string[], pair: KeyPair): string {
  const access = scopes.map((scope) => {
    const [type, name, actions = ''] = scope.split(':');
    return { type, name, actions: actions.split(',').filter((action) => allowed.includes(action)) };
  });
  const seconds = Math.floor(Date.now() / 1000);
  const header = { typ: 'JWT', alg: 'ES256', x5c: [new X509Certificate(pair.cert).raw.toString('base64')] };
  const claims = { iss: 'tester', sub: '', aud: 'test', exp: seconds + 300, nbf: seconds - 10, iat: seconds - 10, jti: randomUUID(), access };
  const body = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const signature = createSign('sha256').update(body).sign({ key: pair.key, dsaEncoding: 'ieee-p1363' });
  return `${body}.${signature.toString('base64url')}`;
}
