/** Options made of names and values: build arguments, labels, annotations, named contexts, hosts. */
import { isIP } from 'node:net';
import { annotationLevels, hostGateway, type Annotation, type BuildArgument, type HostEntry, type NamedValue } from '../build-request.ts';
import { invalidOption, oneOf } from './csv.ts';

/** The environment of the process, or a part of it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** `K=V`, or `K` with the environment's value; an environment without K leaves the argument without a value. */
export function parseBuildArg(text: string, env: Environment): BuildArgument {
  const equals = text.indexOf('=');
  const key = equals < 0 ? text : text.slice(0, equals);
  if (key === '') throw invalidOption('--build-arg', text, 'has no name', 'Write NAME=VALUE, or NAME to take the value from the environment.');
  const value = equals < 0 ? env[key] : text.slice(equals + 1);
  return value === undefined ? { key } : { key, value };
}

/** `K=V`; a bare `K` is a label with an empty value, as in docker. */
export function parseLabel(text: string): NamedValue {
  const equals = text.indexOf('=');
  if (equals === 0 || text === '') throw invalidOption('--label', text, 'has no name');
  return equals < 0 ? { name: text, value: '' } : { name: text.slice(0, equals), value: text.slice(equals + 1) };
}

/** `name=value` with both present, for --build-context. */
export function parseNamed(option: string, text: string): NamedValue {
  const equals = text.indexOf('=');
  if (equals <= 0 || equals === text.length - 1) throw invalidOption(option, text, 'must have the form name=value');
  return { name: text.slice(0, equals), value: text.slice(equals + 1) };
}

const annotationPrefix = /^((?:manifest|index|[a-z]+-descriptor)[^=:]*):/;

/** `[level[\[platform\]],…:]key=value`, one entry a level; without a level it is the manifest's (buildx). */
export function parseAnnotation(text: string): readonly Annotation[] {
  const prefix = annotationPrefix.exec(text);
  const { name: key, value } = parseNamed('--annotation', prefix === null ? text : text.slice(prefix[0].length));
  const levels = prefix?.[1]?.split(',') ?? ['manifest'];
  return levels.map((word) => {
    const match = /^([a-z-]+)(?:\[([^\]]+)\])?$/.exec(word);
    if (match?.[1] === undefined) throw invalidOption('--annotation', text, `${JSON.stringify(word)} is not a level`);
    return { level: oneOf('--annotation', match[1], annotationLevels), platform: match[2] ?? null, key, value };
  });
}

/** `host:ip` or `host=ip`; an IPv6 address may stand in brackets, and `host-gateway` is this machine. */
export function parseHost(text: string): HostEntry {
  const at = text.search(/[:=]/);
  const host = text.slice(0, Math.max(at, 0));
  const address = text.slice(at + 1).replace(/^\[(.*)\]$/, '$1');
  if (host === '') throw invalidOption('--add-host', text, 'must have the form host:ip');
  if (address !== hostGateway && isIP(address) === 0) throw invalidOption('--add-host', text, `${JSON.stringify(address)} is not an IP address`);
  return { host, address };
}
