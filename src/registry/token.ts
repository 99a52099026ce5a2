/**
 * Fetches a bearer token from the server that a challenge names: anonymously, with basic authentication, or by an
 * identity token (distribution/docs/spec/auth/token.md, oauth.md).
 */
import { TsbuildError } from '../base/errors.ts';
import type { Challenge } from './challenge.ts';
import type { Credentials } from './options.ts';

/** Sends one request to a token server. Redirects to another host lose the authorization. */
export type TokenRequest = (request: {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly authorization?: string;
  readonly form?: string;
  readonly signal: AbortSignal;
}) => Promise<{ readonly status: number; readonly text: string }>;

interface TokenQuestion {
  readonly challenge: Challenge;
  readonly scopes: readonly string[];
  readonly credentials: Credentials | null;
  readonly signal: AbortSignal;
}

/**
 * The token for the scopes.
 * @throws TsbuildError `TOKEN_REFUSED`, `TOKEN_INVALID`, class registry
 */
export async function fetchToken(question: TokenQuestion, options: { readonly requestToken: TokenRequest; readonly allowPlainHttp: boolean }): Promise<string> {
  const realm = readRealm(question.challenge, options.allowPlainHttp);
  const { status, text } = await options.requestToken({ ...requestFor(realm, question), signal: question.signal });
  if (status !== 200) throw refused(realm, status, question.credentials);
  return readToken(realm, text);
}

/** The header of HTTP basic authentication (RFC 7617). */
export function basicHeader(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

function requestFor(realm: URL, question: TokenQuestion): { method: 'GET' | 'POST'; url: URL; authorization?: string; form?: string } {
  const service = question.challenge.parameters.get('service');
  const { credentials, scopes } = question;
  if (credentials?.kind === 'identity-token') {
    const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: 'tsbuild', refresh_token: credentials.token });
    if (service !== undefined) form.set('service', service);
    if (scopes.length > 0) form.set('scope', scopes.join(' '));
    return { method: 'POST', url: realm, form: form.toString() };
  }
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  if (credentials?.kind !== 'basic') return { method: 'GET', url };
  url.searchParams.set('account', credentials.username);
  return { method: 'GET', url, authorization: basicHeader(credentials.username, credentials.password) };
}

function readRealm(challenge: Challenge, allowPlainHttp: boolean): URL {
  const text = challenge.parameters.get('realm') ?? '';
  const realm = URL.canParse(text) ? new URL(text) : null;
  if (realm === null || !/^https?:$/.test(realm.protocol) || realm.username !== '' || realm.password !== '') {
    throw new TsbuildError('registry', 'TOKEN_INVALID', `log in: ${JSON.stringify(text.slice(0, 200))}: the registry names this as its token server, which is no HTTP address`);
  }
  if (realm.protocol === 'http:' && !allowPlainHttp) {
    throw new TsbuildError('registry', 'TOKEN_INVALID', `log in: ${realm.host}: the registry is reached by HTTPS but its token server is not`, {
      hint: 'A secret would travel in clear text. List the registry as insecure if that is what you want.',
    });
  }
  return realm;
}

function readToken(realm: URL, text: string): string {
  const parsed = parseObject(realm, text);
  const token = [parsed['token'], parsed['access_token']].find((value) => typeof value === 'string' && value !== '');
  // A line break in it would let the token server write headers of its own.
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) throw new TsbuildError('registry', 'TOKEN_INVALID', `log in: ${realm.host}: its answer holds no token`);
  return token;
}

function parseObject(realm: URL, text: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
  } catch {
    // The text may hold a part of a token: neither it nor the parser's message, which quotes it, goes into the error.
    throw new TsbuildError('registry', 'TOKEN_INVALID', `log in: ${realm.host}: its answer is not JSON`);
  }
}

function refused(realm: URL, status: number, credentials: Credentials | null): TsbuildError {
  const who = credentials === null ? 'anonymous access' : 'the login';
  const denied = status === 401 || status === 403;
  return new TsbuildError('registry', denied ? 'TOKEN_REFUSED' : 'TOKEN_INVALID', `log in: ${realm.host}: ${denied ? `${who} was refused` : 'no token'} (HTTP status ${status})`, {
    hint: credentials === null ? 'Log in with "docker login"; tsbuild uses the same credentials.' : 'Log in again with "docker login".',
    details: { status },
  });
}
