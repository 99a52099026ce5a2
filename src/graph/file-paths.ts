/** Paths as instructions write them, made absolute without looking at any file system. */
import { posix } from 'node:path';

/** The working directory after `WORKDIR path` in `current`; empty `current` is the root (SEMANTICS A6, 88). */
export function resolveWorkdir(current: string, path: string): string {
  return posix.join('/', path.startsWith('/') ? path : posix.join(current, path)).replace(/(?<=.)\/$/, '');
}

/** A COPY destination: absolute, clean, its trailing slash kept, because it says "directory" (SEMANTICS A6, 53). */
export function resolveDestination(workdir: string, destination: string): string {
  const given = destination === '.' || destination === '' ? './' : destination;
  const clean = resolveWorkdir(workdir, given);
  const isDirectory = given.endsWith('/') || given.endsWith('/.') || given.endsWith('/..') || given === '..';
  return isDirectory && clean !== '/' ? `${clean}/` : clean;
}

/** A COPY source: absolute within its root, `..` clamped (SEMANTICS A6, 55). */
export function resolveSource(source: string): string {
  return resolveWorkdir('/', source);
}
