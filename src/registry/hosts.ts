/**
 * Questions about hosts: loopback or not, in a list of names, addresses and CIDR blocks or not. Nothing is resolved.
 */
import { BlockList, isIP } from 'node:net';

/** A host with its port, both as text; the port is empty where none is written. */
export interface HostPort {
  readonly host: string;
  readonly port: string;
}

/** Splits `host:port` and `[address]:port`; the brackets are taken off. */
export function splitHostPort(text: string): HostPort {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(text);
  if (match === null) return { host: text.toLowerCase(), port: '' };
  return { host: (match[1] ?? match[2] ?? '').toLowerCase(), port: match[3] ?? '' };
}

/** Whether the host is this machine by its name alone: localhost, 127.0.0.0/8, ::1. */
export function isLoopbackHost(hostPort: string): boolean {
  const { host } = splitHostPort(hostPort);
  if (host === 'localhost' || host.endsWith('.localhost') || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}

/** Whether an address is in a block such as `10.0.0.0/8`. Anything that is not an address in a block is not. */
export function isInBlock(host: string, block: string): boolean {
  const [network = '', prefixText = ''] = block.split('/');
  const family = isIP(network);
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(prefixText)) return false;
  const prefix = Number(prefixText);
  if (prefix > (family === 4 ? 32 : 128)) return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const blocks = new BlockList();
  blocks.addSubnet(network, prefix, type);
  return blocks.check(host, type);
}

/** Whether Docker would treat the registry as insecure: loopback, listed by host[:port], or in a listed block. */
export function isInsecure(hostPort: string, insecure: readonly string[]): boolean {
  if (isLoopbackHost(hostPort)) return true;
  const { host } = splitHostPort(hostPort);
  return insecure.some((entry) => {
    const name = entry.replace(/^https?:\/\//, '').replace(/\/+$/, '').toLowerCase();
    return name === hostPort.toLowerCase() || isInBlock(host, name);
  });
}
