/**
 * Which proxy a request takes, by the rules of Go's httpproxy, which Docker follows.
 */
import { isInBlock, isLoopbackHost, splitHostPort } from './hosts.ts';
import type { ProxyOptions } from './options.ts';

/** The proxy's URL for a request, or null where it goes straight. */
export function selectProxy(url: URL, proxies: ProxyOptions): string | null {
  const proxy = url.protocol === 'https:' ? proxies.https : proxies.http;
  if (proxy === undefined || proxy === '') return null;
  if (isLoopbackHost(url.host) || matchesNoProxy(url, proxies.no ?? '')) return null;
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
}

function matchesNoProxy(url: URL, list: string): boolean {
  const { host } = splitHostPort(url.host);
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return list
    .split(/[,\s]+/)
    .filter((entry) => entry !== '')
    .some((entry) => matchesEntry(entry.toLowerCase(), host, port));
}

function matchesEntry(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return isInBlock(host, entry);
  const wanted = splitHostPort(entry);
  if (wanted.port !== '' && wanted.port !== port) return false;
  const name = wanted.host.replace(/^\*/, '');
  return name.startsWith('.') ? host.endsWith(name) : host === name || host.endsWith(`.${name}`);
}
