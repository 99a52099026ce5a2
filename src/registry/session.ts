/**
 * The endpoints of one registry, tried in their order until one answers; which of HTTPS and HTTP it was is remembered.
 * Start at `createSessions`.
 */
import { TsbuildError } from '../base/errors.ts';
import type { ApiRequest } from './api-request.ts';
import { createAuthorizer, type Authorizer } from './authorizer.ts';
import { listEndpoints, type Endpoint } from './endpoint.ts';
import { patient, requestWithRetries, type AttemptLimits } from './exchange.ts';
import { unreachableCode } from './failure.ts';
import type { RegistryOptions } from './options.ts';
import { tokenRequester } from './token-requester.ts';
import type { HttpResponse, Transport } from './transport.ts';

/** One endpoint, ready to be asked. */
export interface Session {
  /** Throws TsbuildError of class registry or interrupted. The caller reads or discards the body. */
  request(request: ApiRequest): Promise<HttpResponse>;
}

/** Runs operations on the endpoints of one registry until one of them answers. */
export interface RegistrySessions {
  use<T>(purpose: 'pull' | 'push', signal: AbortSignal, operation: (session: Session) => Promise<T>): Promise<T>;
}

/** The sessions of one registry. Which of HTTPS and HTTP answered first is remembered. */
export function createSessions(registry: string, transport: Transport, options: RegistryOptions): RegistrySessions {
  const authorizers = new Map<string, Authorizer>();
  let reached: Endpoint | undefined;
  const authorizerOf = (endpoint: Endpoint): Authorizer => {
    const known = authorizers.get(endpoint.base);
    if (known !== undefined) return known;
    const made = createAuthorizer({
      credentials: () => options.credentials(endpoint.account),
      requestToken: tokenRequester(transport, options),
      allowPlainHttp: endpoint.base.startsWith('http:'),
    });
    authorizers.set(endpoint.base, made);
    return made;
  };
  const open = (endpoint: Endpoint): Session => {
    const limits = limitsFor(endpoint, reached);
    return { request: (request) => requestWithRetries({ request, endpoint, authorizer: authorizerOf(endpoint), transport, options, limits }) };
  };
  const candidates = (purpose: 'pull' | 'push'): readonly Endpoint[] =>
    listEndpoints(registry, purpose, options).filter((endpoint) => endpoint.giveUp === 'always' || reached === undefined || reached.base === endpoint.base);
  return {
    use: async (purpose, signal, operation) => {
      const failures: unknown[] = [];
      for (const endpoint of candidates(purpose)) {
        try {
          const result = await operation(open(endpoint));
          if (endpoint.giveUp !== 'always') reached = endpoint;
          return result;
        } catch (error) {
          failures.push(error);
          if (endpoint.giveUp === 'if-unreachable' && !isUnreachable(error)) reached = endpoint;
          if (signal.aborted || !mayGiveUp(endpoint, error)) break;
        }
      }
      throw chooseFailure(failures);
    },
  };
}

function limitsFor(endpoint: Endpoint, reached: Endpoint | undefined): AttemptLimits {
  if (endpoint.giveUp === 'always') return { unreachable: 1, failing: 1 };
  return endpoint.giveUp === 'never' || reached?.base === endpoint.base ? patient : { ...patient, unreachable: 1 };
}

function mayGiveUp(endpoint: Endpoint, error: unknown): boolean {
  return endpoint.giveUp === 'always' || (endpoint.giveUp === 'if-unreachable' && isUnreachable(error));
}

function isUnreachable(error: unknown): boolean {
  return error instanceof TsbuildError && error.code === unreachableCode;
}

/** The last error tells most, unless nobody answered: then the first such one is what the user has to mend. */
function chooseFailure(failures: readonly unknown[]): unknown {
  const last = failures.at(-1);
  return isUnreachable(last) ? failures.find(isUnreachable) : last;
}
