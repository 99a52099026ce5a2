/** Sizes, ulimits and counts in the syntax of docker's options (github.com/docker/go-units). */
import type { Ulimit } from '../build-request.ts';
import { invalidOption } from './csv.ts';

const sizePattern = /^(\d+(?:\.\d+)?) ?([kmgtp])?i?b?$/i;

/** Bytes of `64m`, `1.5g`, `512MiB` or `1024`; the units are powers of 1024, as for docker's --shm-size. */
export function parseSize(option: string, text: string): number {
  const match = sizePattern.exec(text);
  const unit = match?.[2]?.toLowerCase();
  const exponent = unit === undefined ? 0 : 'kmgtp'.indexOf(unit) + 1;
  const bytes = Math.floor(Number(match?.[1]) * 1024 ** exponent);
  if (!Number.isSafeInteger(bytes)) throw invalidOption(option, text, 'is not a size', 'Write a size such as 64m, 1g or 1048576.');
  return bytes;
}

const ulimitNames = new Set([
  'core', 'cpu', 'data', 'fsize', 'locks', 'memlock', 'msgqueue', 'nice', 'nofile', 'nproc', 'rss', 'rtprio', 'rttime',
  'sigpending', 'stack',
]);

/** `name=soft[:hard]`; -1 is unlimited, and the hard limit is the soft one where it is not given. */
export function parseUlimit(text: string): Ulimit {
  const match = /^([a-z]+)=(-1|\d+)(?::(-1|\d+))?$/.exec(text);
  const name = match?.[1];
  if (match === null || name === undefined) {
    throw invalidOption('--ulimit', text, 'must have the form name=soft[:hard]', 'For example --ulimit nofile=1024:4096.');
  }
  if (!ulimitNames.has(name)) throw invalidOption('--ulimit', text, `${name} is not one of ${[...ulimitNames].join(', ')}`);
  const soft = Number(match[2]);
  const hard = Number(match[3] ?? match[2]);
  if (hard !== -1 && (soft === -1 || soft > hard)) throw invalidOption('--ulimit', text, 'the soft limit is above the hard one');
  return { name, soft, hard };
}

/** A whole number of at least 1. */
export function parseCount(option: string, text: string): number {
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (count < 1) throw invalidOption(option, text, 'must be a whole number of at least 1');
  return count;
}
