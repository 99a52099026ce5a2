/** What a test needs of the machine, and the reason to skip it where that is missing. */
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';

const systemFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** The path of a program on PATH or in the system's folders; undefined where it is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(':'), ...systemFolders].filter((folder) => folder.startsWith('/'));
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  if (!existsSync(file)) return false;
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

/** `root`, or programs of which one must be there: `['mmdebstrap', 'debootstrap']`. */
export type Need = 'root' | { readonly program: string } | { readonly oneOf: readonly string[] };

/** The reason to skip, for the `skip` option of a test; false where everything is there. */
export function skipWithout(...needs: readonly Need[]): string | false {
  const missing = needs.map(reason).filter((text) => text !== undefined);
  return missing.length === 0 ? false : [...new Set(missing)].join('; ');
}

function reason(need: Need): string | undefined {
  if (need === 'root') return process.getuid?.() === 0 ? undefined : 'needs root';
  const names = 'program' in need ? [need.program] : need.oneOf;
  return names.some((name) => findProgram(name) !== undefined) ? undefined : `${names.join(' or ')} is not installed`;
}

/** A RUN step needs root. */
export const forRun: readonly Need[] = ['root'];

/** A Debian base image needs root, a bootstrap program and apt's sources. */
export const forDebian: readonly Need[] = ['root', { oneOf: ['mmdebstrap', 'debootstrap'] }, { program: 'apt-get' }];

/** A registry to pull base images from, and the program that fills it. */
export const forRegistry: readonly Need[] = [{ program: 'docker-registry' }, { program: 'skopeo' }];

/** Counting system calls. */
export const forTrace: readonly Need[] = [{ program: 'strace' }];
