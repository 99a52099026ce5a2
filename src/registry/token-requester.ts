/**
 * Carries token requests: attempts of their own, and redirects to another host lose the authorization.
 */
import type { ApiRequest } from './api-request.ts';
import type { Authorizer } from './authorizer.ts';
import type { Endpoint } from './endpoint.ts';
import { patient, requestWithRetries } from './exchange.ts';
import type { RegistryOptions } from './options.ts';
import type { TokenRequest } from './token.ts';
import type { Transport } from './transport.ts';

const tokenAnswerBytesMax = 1024 * 1024;

/** The sender that `fetchToken` is given. */
export function tokenRequester(transport: Transport, options: RegistryOptions): TokenRequest {
  return async ({ method, url, authorization, form, signal }) => {
    const endpoint: Endpoint = { base: url.origin, account: url.host, giveUp: 'never' };
    const silent: Authorizer = { header: () => authorization, answer: () => Promise.resolve(false), helperFailure: () => undefined };
    const request: ApiRequest = {
      method,
      target: url,
      scopes: [],
      accept: [200, 400, 401, 403, 404, 405],
      subject: { operation: 'log in', registry: url.host, missing: 'repository' },
      signal,
      ...(form === undefined ? {} : { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: Buffer.from(form, 'utf8') }),
    };
    const response = await requestWithRetries({ request, endpoint, authorizer: silent, transport, options, limits: patient });
    return { status: response.status, text: await response.text(tokenAnswerBytesMax) };
  };
}
