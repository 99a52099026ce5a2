/**
 * Answers a registry's challenges (distribution-spec's token flow: distribution/docs/spec/auth/token.md and oauth.md;
 * basic authentication). One authorizer serves one endpoint and keeps its tokens in memory. It sends nothing itself but
 * token requests, and it never sees requests to other hosts. Start at `createAuthorizer`.
 *
 * A token's lifetime is not counted: the registry says 401 when it is over, and a new one is fetched. So no clock is asked.
 */
import { TsbuildError } from '../base/errors.ts';
import type { Challenge } from './challenge.ts';
import type { Credentials } from './options.ts';
import { basicHeader, fetchToken, type TokenRequest } from './token.ts';

export interface Authorizer {
  /** The `Authorization` value to send for these scopes as far as it is known. */
  header(scopes: readonly string[]): string | undefined;
  /**
   * Takes a 401's challenges to a request that was sent with `sent`. True: there is something new, send it again.
   * @throws TsbuildError `TOKEN_REFUSED` and others, class registry
   */
  answer(refusal: Refusal): Promise<boolean>;
  /** Why the credential helper failed, if it did: then the request went out without credentials. */
  readonly helperFailure: () => unknown;
}

/** A 401 and the request that got it. */
export interface Refusal {
  readonly challenges: readonly Challenge[];
  readonly scopes: readonly string[];
  readonly sent: string | undefined;
  readonly signal: AbortSignal;
}

export interface AuthorizerOptions {
  readonly credentials: () => Promise<Credentials | null>;
  /** Sends one request to the token server and returns status and text. */
  readonly requestToken: TokenRequest;
  /** Whether the token server may be asked over plain HTTP. */
  readonly allowPlainHttp: boolean;
}

/** Makes the authorizer of one endpoint. */
export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const known = new Map<string, string>();
  const pending = new Map<string, Promise<string | null>>();
  let helperFailure: unknown;
  const lookUp = async (): Promise<Credentials | null> => {
    try {
      return await options.credentials();
    } catch (error) {
      // A broken helper must not stop anonymous pulls; if the registry then refuses, the error tells about the helper.
      if (!(error instanceof TsbuildError) || error.errorClass === 'interrupted' || error.errorClass === 'bug') throw error;
      helperFailure = error;
      return null;
    }
  };
  const renew = async (refusal: Refusal): Promise<string | null> => headerFor(refusal, await lookUp(), options);
  return {
    header: (scopes) => known.get(keyOf(scopes)),
    helperFailure: () => helperFailure,
    answer: async (refusal) => {
      const key = keyOf(refusal.scopes);
      const current = known.get(key);
      if (current !== undefined && current !== refusal.sent) return true;
      const running = pending.get(key) ?? renew(refusal).finally(() => pending.delete(key));
      pending.set(key, running);
      const header = await running;
      if (header === null) return false;
      known.set(key, header);
      // The same answer to the same question: the registry does not want these credentials.
      return header !== refusal.sent;
    },
  };
}

async function headerFor(refusal: Refusal, credentials: Credentials | null, options: AuthorizerOptions): Promise<string | null> {
  const bearer = refusal.challenges.find((challenge) => challenge.scheme === 'bearer');
  if (bearer !== undefined) {
    if (credentials?.kind === 'registry-token') return `Bearer ${credentials.token}`;
    const scopes = [...new Set([...refusal.scopes, ...(bearer.parameters.get('scope') ?? '').split(' ')])].filter((scope) => scope !== '').sort();
    const token = await fetchToken({ challenge: bearer, scopes, credentials, signal: refusal.signal }, options);
    return `Bearer ${token}`;
  }
  const basic = refusal.challenges.some((challenge) => challenge.scheme === 'basic');
  return basic && credentials?.kind === 'basic' ? basicHeader(credentials.username, credentials.password) : null;
}

function keyOf(scopes: readonly string[]): string {
  return JSON.stringify([...scopes].sort());
}
