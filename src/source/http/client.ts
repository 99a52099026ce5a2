/**
 * GET with everything around it: proxies and certificates as for registries, the user's credentials for the first origin
 * only, redirects, attempts with pauses. What comes back is for `downloads.ts`. Loaded with the first request.
 */
import { messageOf, TsbuildError } from '../../base/errors.ts';
import { isTransientError, isTransientStatus } from '../../registry/failure.ts';
import { loadRegistryConfig, type RegistryConfigSources } from '../../registry/load-config.ts';
import type { RegistryOptions } from '../../registry/options.ts';
import { followRedirects } from '../../registry/redirect.ts';
import { createTransport, type HttpResponse, type Transport } from '../../registry/transport.ts';
import type { SecretLookup } from '../secret-text.ts';
import { authorizationFor } from './authorization.ts';

const redirectsMax = 10;
const attemptsMax = 3;
const firstPauseMs = 250;

export interface HttpGet {
  /** Names what it is for in errors: `ADD https://…`. */
  readonly what: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface HttpClient {
  /**
   * Gives the response to `take`: one that is fine, or 304. When the connection breaks meanwhile, all of it is done again.
   * @throws TsbuildError `DOWNLOAD_FAILED`, class registry; whatever `take` throws that is a TsbuildError
   */
  get<T>(request: HttpGet, take: (response: HttpResponse) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export async function openHttpClient(sources: RegistryConfigSources, secret: SecretLookup): Promise<HttpClient> {
  const options = await loadRegistryConfig(sources);
  const transport = createTransport(options);
  return {
    get: (request, take) => withAttempts(request, options, () => getOnce(transport, secret, request, take)),
    close: () => transport.close(),
  };
}

/** A status that another attempt may mend, or a connection that broke while the body came. */
class Transient extends Error {}

async function withAttempts<T>(request: HttpGet, { wait }: RegistryOptions, attempt: () => Promise<T>): Promise<T> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt();
    } catch (error) {
      request.signal.throwIfAborted();
      if (error instanceof TsbuildError) throw error;
      const mends = error instanceof Transient || isTransientError(error);
      if (count >= attemptsMax || !mends) throw failure(request, innermost(error), error);
    }
    await wait(firstPauseMs * 2 ** (count - 1), request.signal);
  }
}

async function getOnce<T>(transport: Transport, secret: SecretLookup, request: HttpGet, take: (response: HttpResponse) => Promise<T>): Promise<T> {
  const { headers, signal } = request;
  const authorization = await authorizationFor(request.url, secret);
  const refuse = (from: URL, cause: string): TsbuildError => failure(request, `${from.host}: ${cause}`);
  const response = await followRedirects({ request: { method: 'GET', headers, signal }, transport, authorization, redirectsMax, refuse }, withoutUser(request.url));
  if ((response.status >= 200 && response.status < 300) || response.status === 304) return take({ ...response, body: guard(response.body) });
  await response.discard();
  const cause = `invalid response status ${response.status}`;
  throw isTransientStatus(response.status) ? new Transient(cause) : failure(request, cause);
}

/** Whoever writes the body to disk must not take the network's errors for the disk's. */
async function* guard(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    throw new Transient(innermost(cause), { cause });
  }
}

function withoutUser(url: URL): URL {
  const plain = new URL(url);
  plain.username = '';
  plain.password = '';
  return plain;
}

function failure({ what, url }: HttpGet, reason: string, cause?: unknown): TsbuildError {
  return new TsbuildError('registry', 'DOWNLOAD_FAILED', `${what}: ${reason}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: `Check the address, the network and the proxies. If it needs a login: --secret id=HTTP_AUTH_TOKEN_${url.hostname}.`,
  });
}

/** What really happened: undici wraps it, and its own words are "fetch failed". */
function innermost(error: unknown): string {
  let current = error;
  for (let depth = 0; depth < 5 && current instanceof Error && current.cause instanceof Error; depth += 1) current = current.cause;
  return messageOf(current instanceof AggregateError ? current.errors[0] : current);
}
