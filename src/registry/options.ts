/**
 * Everything that the registry client needs to know from outside. `load-config.ts` fills it in as Docker's users expect;
 * the client itself reads neither disk nor environment.
 */
import type { LookupFunction } from 'node:net';

/** A secret for one registry. It goes into requests to that registry and to the token server that it names, nowhere else. */
export type Credentials =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** OAuth2 refresh token (`identitytoken` in config.json, user `<token>` from a helper). */
  | { readonly kind: 'identity-token'; readonly token: string }
  /** A ready bearer token (`registrytoken` in config.json). */
  | { readonly kind: 'registry-token'; readonly token: string };

/** Certificates of one host, PEM. */
export interface HostCertificates {
  /** Authorities that this host may be signed by, besides the roots. */
  readonly ca: readonly string[];
  /** The client's own certificate with its key. */
  readonly client?: { readonly cert: string; readonly key: string };
}

export interface TlsOptions {
  /** Roots that are trusted, PEM; undefined means those that Node.js carries. */
  readonly roots?: readonly string[];
  /** By `host` or `host:port`, as the folders in certs.d are called. */
  readonly hosts: ReadonlyMap<string, HostCertificates>;
}

/** Proxies by the scheme of the request, as in HTTP_PROXY, HTTPS_PROXY and NO_PROXY. */
export interface ProxyOptions {
  readonly http?: string;
  readonly https?: string;
  /** Comma-separated: hosts, `.suffix`, `host:port`, addresses, CIDR blocks, `*`. Loopback never goes through a proxy. */
  readonly no?: string;
}

export interface RegistryOptions {
  /** Looks up the secret for a registry (`docker.io`, `localhost:5000`); asked only after the registry wants one. */
  readonly credentials: (registry: string) => Promise<Credentials | null>;
  readonly tls: TlsOptions;
  /** Base URLs to try before the registry itself when pulling, by registry. */
  readonly mirrors: ReadonlyMap<string, readonly string[]>;
  /** Registries that may have wrong certificates or plain HTTP: `host[:port]` or CIDR. Loopback always may. */
  readonly insecure: readonly string[];
  readonly proxies: ProxyOptions;
  readonly userAgent: string;
  /** Blob transfers at once with one registry. */
  readonly transfersMax: number;
  /** How long to wait for a connection, for the response's head, and between two pieces of its body. */
  readonly timeouts: { readonly connectMs: number; readonly headersMs: number; readonly idleMs: number };
  /** Pauses between attempts. */
  readonly wait: (durationMs: number, signal: AbortSignal) => Promise<void>;
  /** Turns host names into addresses; the system's resolver unless given. */
  readonly lookup?: LookupFunction;
}
