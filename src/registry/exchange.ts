/**
 * One request to one endpoint: authorization, redirects, attempts with pauses. Credentials go to the endpoint's own
 * origin only. It does not choose the endpoint. Start at `requestWithRetries`.
 */
import { messageOf, TsbuildError } from '../base/errors.ts';
import type { ApiRequest } from './api-request.ts';
import type { Authorizer, Refusal } from './authorizer.ts';
import { parseChallenges } from './challenge.ts';
import type { Endpoint } from './endpoint.ts';
import { abortFailure, connectionFailure, isTransientError, isTransientStatus, statusFailure } from './failure.ts';
import type { RegistryOptions } from './options.ts';
import { followRedirects } from './redirect.ts';
import type { HttpResponse, Transport } from './transport.ts';

/** Attempts at one request, the first one included: one is enough where another endpoint is waiting. */
export interface AttemptLimits {
  readonly unreachable: number;
  readonly failing: number;
}

/** Attempts at the only endpoint there is. */
export const patient: AttemptLimits = { unreachable: 5, failing: 5 };
const firstPauseMs = 250;
const pauseMsMax = 60_000;
const errorAnswerBytesMax = 64 * 1024;
const redirectsMax = 5;

/** A request with everything that carries it out. */
export interface Exchange {
  readonly request: ApiRequest;
  readonly endpoint: Endpoint;
  readonly authorizer: Authorizer;
  readonly transport: Transport;
  readonly options: RegistryOptions;
  readonly limits: AttemptLimits;
}

/**
 * Sends a request until it is answered for good.
 * @returns a response with one of the accepted statuses; the caller reads or discards its body
 * @throws TsbuildError of class registry or interrupted
 */
export async function requestWithRetries(exchange: Exchange): Promise<HttpResponse> {
  const { request, endpoint } = exchange;
  const host = new URL(endpoint.base).host;
  // A stream may be half sent: whoever has it starts again from the beginning.
  const isLast = (attempt: number, limit: number): boolean => attempt >= limit || typeof request.body === 'function';
  for (let attempt = 1; ; attempt += 1) {
    let pauseMs = firstPauseMs * 2 ** (attempt - 1);
    try {
      const response = await requestAuthorized(exchange);
      if (request.accept.includes(response.status)) return response;
      if (isLast(attempt, exchange.limits.failing) || !isTransientStatus(response.status)) throw await failureOf(response, exchange);
      pauseMs = Math.max(pauseMs, retryAfterMs(response));
      await response.discard();
    } catch (error) {
      if (request.signal.aborted) throw abortFailure(request.subject.operation, request.signal);
      if (error instanceof TsbuildError) throw error;
      if (isLast(attempt, exchange.limits.unreachable) || !isTransientError(error)) throw connectionFailure(request.subject, host, error);
    }
    await pause(pauseMs, exchange);
  }
}

async function pause(durationMs: number, { request, options }: Exchange): Promise<void> {
  try {
    await options.wait(Math.min(durationMs, pauseMsMax), request.signal);
  } catch (error) {
    if (request.signal.aborted) throw abortFailure(request.subject.operation, request.signal);
    throw error;
  }
}

function retryAfterMs(response: HttpResponse): number {
  const seconds = Number(response.header('retry-after') ?? '');
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0;
}

async function failureOf(response: HttpResponse, { request, authorizer }: Exchange): Promise<TsbuildError> {
  const text = await response.text(errorAnswerBytesMax);
  const denied = response.status === 401 || response.status === 403;
  const helperFailure = denied ? authorizer.helperFailure() : undefined;
  return statusFailure(request.subject, response.url.host, { status: response.status, text, ...(helperFailure === undefined ? {} : { helperFailure }) });
}

/** Sends the request; a 401 of the endpoint itself is answered once. */
async function requestAuthorized(exchange: Exchange): Promise<HttpResponse> {
  const { request, endpoint, authorizer, transport } = exchange;
  const follow = (authorization: string | undefined, url: URL): Promise<HttpResponse> =>
    followRedirects({ request, transport, authorization, redirectsMax, refuse: (from, cause) => redirectFailure(request, from, cause) }, url);
  const url = typeof request.target === 'string' ? new URL(`${endpoint.base}${request.target}`) : request.target;
  const own = url.origin === new URL(endpoint.base).origin;
  const sent = own ? authorizer.header(request.scopes) : undefined;
  const first = await follow(sent, url);
  if (first.status !== 401 || first.url.origin !== new URL(endpoint.base).origin) return first;
  const challenges = parseChallenges(first.header('www-authenticate') ?? '');
  let isAnswered = false;
  try {
    isAnswered = await answerChallenges(exchange, { challenges, scopes: request.scopes, sent, signal: request.signal });
  } catch (error) {
    await first.discard(); // a login that failed leaves no connection waiting to be read
    throw error;
  }
  if (!isAnswered) return first;
  await first.discard();
  return follow(authorizer.header(request.scopes), url);
}

function redirectFailure({ subject }: ApiRequest, from: URL, cause: string): TsbuildError {
  return new TsbuildError('registry', 'REGISTRY_REDIRECT', `${subject.operation}: ${from.host}: ${cause}`, { hint: "Check the registry's configuration." });
}

async function answerChallenges({ authorizer, request }: Exchange, refusal: Refusal): Promise<boolean> {
  try {
    return await authorizer.answer(refusal);
  } catch (error) {
    if (!(error instanceof TsbuildError) || error.errorClass !== 'registry') throw error;
    const helper = authorizer.helperFailure();
    const hint = helper === undefined ? error.hint : `${error.hint ?? ''} The credential helper failed: ${messageOf(helper)}.`.trim();
    throw new TsbuildError('registry', error.code, `${request.subject.operation}: ${error.message}`, { cause: helper ?? error.cause, details: error.details, ...(hint === undefined ? {} : { hint }) });
  }
}

