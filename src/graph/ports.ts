/**
 * EXPOSE: port specifications become the keys of the config's ExposedPorts (SEMANTICS A1 18, A6 94).
 * Forms: `PORT[-PORT][/PROTO]`, optionally behind `[HOST-IP:]HOST-PORT:` which is accepted and dropped.
 */
import { TsbuildError } from '../base/errors.ts';

const byte = '(?:25[0-5]|2[0-4]\\d|1?[1-9]?\\d)';
const addressPattern = new RegExp(`^${byte}(?:\\.${byte}){3}$`);
const protocols = new Set(['tcp', 'udp', 'sctp']);

function invalid(spec: string, why: string): TsbuildError {
  return new TsbuildError('usage', 'EXPOSE_INVALID', `EXPOSE ${spec}: ${why}`, {
    hint: 'Write PORT, PORT-PORT or PORT/PROTOCOL, with protocol tcp, udp or sctp.',
  });
}

function parseRange(text: string, spec: string, what: string): readonly [number, number] {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  const start = Number(match?.[1]);
  const end = match?.[2] === undefined ? start : Number(match[2]);
  if (match === null || start > 65535 || end > 65535 || end < start) throw invalid(spec, `invalid ${what}: ${text}`);
  return [start, end];
}

/**
 * Expands one specification to `port/protocol` entries, one a port.
 * @throws TsbuildError `EXPOSE_INVALID`
 */
export function parsePortSpec(spec: string): readonly string[] {
  const parts = spec.split(':');
  const container = parts.at(-1) ?? '';
  const slash = container.indexOf('/');
  const range = slash < 0 ? container : container.slice(0, slash);
  const protocol = slash < 0 ? 'tcp' : container.slice(slash + 1).toLowerCase() || 'tcp';
  if (range === '') throw invalid(spec, 'no port specified');
  if (!protocols.has(protocol)) throw invalid(spec, `invalid proto: ${protocol}`);
  const [start, end] = parseRange(range, spec, 'containerPort');
  checkHostPart(parts.slice(0, -1), spec, end - start);
  return Array.from({ length: end - start + 1 }, (_, offset) => `${start + offset}/${protocol}`);
}

function checkHostPart(parts: readonly string[], spec: string, span: number): void {
  const hostPort = parts.at(-1);
  if (hostPort !== undefined && hostPort !== '') {
    const [start, end] = parseRange(hostPort, spec, 'hostPort');
    if (end - start !== span && span !== 0) throw invalid(spec, 'invalid ranges specified for container and host ports');
  }
  const address = parts.slice(0, -1).join(':').replace(/^\[(.*)\]$/, '$1');
  if (address !== '' && !isAddress(address)) throw invalid(spec, `invalid IP address: ${address}`);
}

/** Addresses as Go's net.ParseIP reads them: IPv4 without leading zeros, IPv6 without a zone. */
function isAddress(text: string): boolean {
  return addressPattern.test(text) || (/^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(text) && URL.canParse(`http://[${text}]/`));
}
