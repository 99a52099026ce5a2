/** Paths as instructions write them, made absolute without looking at any file system. */
import { posix } from 'node:path';

/** The path in `current`, absolute and clean; empty `current` is the root. */
export function resolveWorkdir(current: string, path: string): string {
  return cleanPath(path.startsWith('/') ? path : posix.join(current, path));
}

/** The path as an absolute one without `.`, `..` and doubled or trailing slashes. */
export function cleanPath(path: string): string {
  return posix.join('/', path).replace(/(?<=.)\/$/, '');
}

/**
 * What the image says after `WORKDIR path` in `current`: an absolute path as it was written, a relative one joined and
 * clean, an empty one means where it was (SEMANTICS A6, 88; BuildKit util/system/path.go, NormalizePath).
 */
export function joinWorkdir(current: string, path: string): string {
  const parent = current.startsWith('/') ? current : cleanPath(current);
  if (path === '') return parent;
  return path.startsWith('/') ? path : cleanPath(posix.join(parent, path));
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
