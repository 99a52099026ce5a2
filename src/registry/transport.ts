/**
 * One HTTP exchange: no redirects, no credentials of its own, no second attempt. undici is loaded with the first
 * request, so that a build without network never pays for it.
 */
import { Readable } from 'node:stream';
import { rootCertificates } from 'node:tls';
import type { Dispatcher } from 'undici';
import { invariant } from '../base/errors.ts';
import { isInsecure } from './hosts.ts';
import type { RegistryOptions } from './options.ts';
import { selectProxy } from './proxies.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  readonly url: URL;
  /** The header's value; repeated headers are joined by commas. */
  header(name: string): string | undefined;
  /** May be read once. Leaving the loop early closes the connection. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Reads at most so many bytes as text and throws the rest away. */
  text(sizeBytesMax: number): Promise<string>;
  /** Throws the body away. */
  discard(): Promise<void>;
}

export interface Transport {
  /** Throws what undici throws; callers turn it into an error for people. */
  send(request: HttpRequest): Promise<HttpResponse>;
  close(): Promise<void>;
}

type Undici = typeof import('undici');
type TransportOptions = Pick<RegistryOptions, 'tls' | 'insecure' | 'proxies' | 'userAgent' | 'timeouts' | 'lookup'>;

/** A transport with one connection pool for each origin. */
export function createTransport(options: TransportOptions): Transport {
  const pools = new Map<string, Dispatcher>();
  const poolFor = (undici: Undici, url: URL): Dispatcher => {
    const known = pools.get(url.origin);
    if (known !== undefined) return known;
    const pool = createPool(undici, url, options);
    pools.set(url.origin, pool);
    return pool;
  };
  return {
    send: async (request) => {
      const undici = await import('undici');
      const response = await undici.request(request.url, {
        dispatcher: poolFor(undici, request.url),
        method: request.method,
        headers: { 'user-agent': options.userAgent, 'accept-encoding': 'identity', ...request.headers },
        signal: request.signal,
        headersTimeout: options.timeouts.headersMs,
        bodyTimeout: options.timeouts.idleMs,
        ...(request.body === undefined ? {} : { body: bodyOf(request.body) }),
      });
      return wrapResponse(response, request.url);
    },
    close: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
      pools.clear();
    },
  };
}

function createPool(undici: Undici, url: URL, options: TransportOptions): Dispatcher {
  const tls = tlsFor(url, options);
  const lookup = options.lookup === undefined ? {} : { lookup: options.lookup };
  const common = { headersTimeout: options.timeouts.headersMs, bodyTimeout: options.timeouts.idleMs };
  const proxy = selectProxy(url, options.proxies);
  if (proxy === null) {
    return new undici.Agent({ ...common, connect: { ...tls, ...lookup, timeout: options.timeouts.connectMs } });
  }
  const proxyTls = rootsOf(options);
  return new undici.ProxyAgent({ ...common, uri: proxy, requestTls: tls, proxyTls: { ...proxyTls, timeout: options.timeouts.connectMs } });
}

function tlsFor(url: URL, options: TransportOptions): { ca?: string[]; cert?: string; key?: string; rejectUnauthorized: boolean } {
  const host = options.tls.hosts.get(url.host) ?? options.tls.hosts.get(`${url.hostname}:${url.port === '' ? '443' : url.port}`);
  const roots = rootsOf(options).ca ?? (host === undefined || host.ca.length === 0 ? undefined : [...rootCertificates]);
  return {
    ...(roots === undefined ? {} : { ca: [...roots, ...(host?.ca ?? [])] }),
    ...(host?.client ?? {}),
    rejectUnauthorized: !isInsecure(url.host, options.insecure),
  };
}

function rootsOf(options: TransportOptions): { ca?: string[] } {
  return options.tls.roots === undefined ? {} : { ca: [...options.tls.roots] };
}

function bodyOf(body: NonNullable<HttpRequest['body']>): string | Buffer | Readable {
  if (typeof body === 'string') return body;
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return Readable.from(body, { objectMode: false });
}

function wrapResponse(response: Dispatcher.ResponseData, url: URL): HttpResponse {
  // undici types the body as a Readable; its chunks are Buffers, because no encoding is ever set.
  const body = response.body as AsyncIterable<Uint8Array>;
  return {
    status: response.statusCode,
    url,
    header: (name) => {
      const value = response.headers[name.toLowerCase()];
      return Array.isArray(value) ? value.join(', ') : value;
    },
    body,
    text: async (sizeBytesMax) => Buffer.from(await readAtMost(body, sizeBytesMax)).toString('utf8'),
    discard: async () => {
      await response.body.dump({ limit: 65_536 });
    },
  };
}

async function readAtMost(body: AsyncIterable<Uint8Array>, sizeBytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    invariant(chunk instanceof Uint8Array, 'HTTP body that is not bytes');
    chunks.push(chunk.subarray(0, sizeBytesMax - sizeBytes));
    sizeBytes += chunk.length;
    if (sizeBytes >= sizeBytesMax) break;
  }
  return Buffer.concat(chunks);
}
