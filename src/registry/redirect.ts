/**
 * Follows redirects of GET and HEAD. The authorization stays behind when the origin changes, and HTTPS never becomes HTTP.
 */
import { TsbuildError } from '../base/errors.ts';
import type { ApiRequest } from './api-request.ts';
import type { HttpResponse, Transport } from './transport.ts';

const redirectsMax = 5;

/** What is sent along the way. */
export interface RedirectedRequest {
  readonly request: Omit<ApiRequest, 'scopes' | 'accept' | 'target'>;
  readonly transport: Transport;
  /** For the first origin only. */
  readonly authorization: string | undefined;
}

/** Sends the request to `start` and wherever that leads. Other methods are not redirected: the caller sees the status. */
export async function followRedirects({ request, transport, authorization }: RedirectedRequest, start: URL): Promise<HttpResponse> {
  let url = start;
  for (let count = 0; ; count += 1) {
    const own = url.origin === start.origin && authorization !== undefined;
    const response = await transport.send({
      method: request.method,
      url,
      headers: { ...request.headers, ...(own ? { authorization } : {}) },
      signal: request.signal,
      ...(request.body === undefined ? {} : { body: typeof request.body === 'function' ? request.body() : request.body }),
    });
    const location = response.header('location');
    const redirected = [301, 302, 303, 307, 308].includes(response.status) && location !== undefined;
    if (!redirected || (request.method !== 'GET' && request.method !== 'HEAD')) return response;
    await response.discard();
    if (count >= redirectsMax) throw redirectFailure(request.subject.operation, url, `more than ${redirectsMax} redirects`);
    url = redirectTarget(request.subject.operation, url, location);
  }
}

function redirectTarget(operation: string, from: URL, location: string): URL {
  if (!URL.canParse(location, from.href)) throw redirectFailure(operation, from, 'a redirect to no address');
  const target = new URL(location, from.href);
  const downgrade = from.protocol === 'https:' && target.protocol !== 'https:';
  if (downgrade || !/^https?:$/.test(target.protocol)) throw redirectFailure(operation, from, `a redirect from HTTPS to ${target.protocol}//${target.host}`);
  return target;
}

function redirectFailure(operation: string, url: URL, cause: string): TsbuildError {
  return new TsbuildError('registry', 'REGISTRY_REDIRECT', `${operation}: ${url.host}: ${cause}`, {
    hint: 'Check the registry\'s configuration.',
  });
}

