/**
 * Where a registry's API is reached: mirrors first, then the registry by HTTPS, then, if it is insecure, by HTTP.
 * Nothing is asked here; `session.ts` tries them in this order.
 */
import { defaultRegistry } from '../image/reference.ts';
import { isInsecure } from './hosts.ts';
import type { RegistryOptions } from './options.ts';

/** One base URL of the API with what may be done when it fails. */
export interface Endpoint {
  /** Ends without a slash; `/v2/…` follows. */
  readonly base: string;
  /** The name under which credentials for it are kept: `docker.io`, `mirror.example:5000`. */
  readonly account: string;
  /** Another endpoint may be tried: `always` (a mirror), `if-unreachable` (HTTPS before HTTP), `never`. */
  readonly giveUp: 'always' | 'if-unreachable' | 'never';
}

/** The host that serves the API of Docker Hub. */
const hubHost = 'registry-1.docker.io';

/** The endpoints of a registry in the order in which they are tried. Mirrors serve pulls only. */
export function listEndpoints(registry: string, purpose: 'pull' | 'push', options: Pick<RegistryOptions, 'mirrors' | 'insecure'>): readonly Endpoint[] {
  const mirrors = purpose === 'pull' ? (options.mirrors.get(registry) ?? []).flatMap(mirrorEndpoint) : [];
  const host = registry === defaultRegistry ? hubHost : registry;
  if (!isInsecure(host, options.insecure)) return [...mirrors, { base: `https://${host}`, account: registry, giveUp: 'never' }];
  return [
    ...mirrors,
    { base: `https://${host}`, account: registry, giveUp: 'if-unreachable' },
    { base: `http://${host}`, account: registry, giveUp: 'never' },
  ];
}

function mirrorEndpoint(mirror: string): Endpoint[] {
  const text = /^https?:\/\//.test(mirror) ? mirror : `https://${mirror}`;
  if (!URL.canParse(text)) return [];
  const url = new URL(text);
  return [{ base: `${url.origin}${url.pathname.replace(/\/+$/, '')}`, account: url.host, giveUp: 'always' }];
}
