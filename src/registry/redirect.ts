/**
 * Follows redirects of GET and HEAD. The authorization stays behind when the origin changes, and HTTPS never becomes HTTP.
 */
import type { TsbuildError } from '../base/errors.ts';
import type { ApiRequest } from './api-request.ts';
import type { HttpResponse, Transport } from './transport.ts';

/** What is sent along the way. */
export interface RedirectedRequest {
  readonly request: Pick<ApiRequest, 'method' | 'headers' | 'body' | 'signal'>;
  readonly transport: Transport;
  /** For the first origin only. */
  readonly authorization: string | undefined;
  readonly redirectsMax: number;
  /** The error for a redirect that is not followed. */
  readonly refuse: (from: URL, cause: string) => TsbuildError;
}

/** Sends the request to `start` and wherever that leads. Other methods are not redirected: the caller sees the status. */
export async function followRedirects({ request, transport, authorization, redirectsMax, refuse }: RedirectedRequest, start: URL): Promise<HttpResponse> {
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
    if (count >= redirectsMax) throw refuse(url, `more than ${redirectsMax} redirects`);
    url = redirectTarget(url, location, refuse);
  }
}

function redirectTarget(from: URL, location: string, refuse: RedirectedRequest['refuse']): URL {
  if (!URL.canParse(location, from.href)) throw refuse(from, 'a redirect to no address');
  const target = new URL(location, from.href);
  const downgrade = from.protocol === 'https:' && target.protocol !== 'https:';
  if (downgrade || !/^https?:$/.test(target.protocol)) throw refuse(from, `a redirect from ${from.protocol.slice(0, -1).toUpperCase()} to ${target.protocol}//${target.host}`);
  return target;
}
