/**
 * The typed door to the C++ addon. It loads the binary on first use, so that a fully cached build never does.
 * It starts nothing and knows nothing about images. Start at `loadAddon`.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf, TsbuildError } from '../base/errors.ts';

/** What `addon/channel.cc` and `addon/lock.cc` export. Failures are errors with `code`, `errno` and `syscall`. */
export interface Addon {
  /** The two ends of a SOCK_SEQPACKET socket pair, close-on-exec. */
  createChannel(): { readonly requestFd: number; readonly childFd: number };
  /** Sends one packet; the descriptors are duplicated into it, the caller keeps its own. At most 64 of them. */
  sendRequest(requestFd: number, header: Buffer, fds: readonly number[]): void;
  /** A sealed, close-on-exec memory file with these bytes. */
  createMemfd(bytes: Buffer): number;
  /** A pipe, close-on-exec, of 1 MiB where the kernel allows that much. */
  createPipe(): { readonly readFd: number; readonly writeFd: number };
  closeFd(fd: number): void;
  /** Takes an advisory lock on one byte of a file, without waiting. False when another open file description is in the way. */
  tryLock(fd: number, byte: number, shared: boolean): boolean;
  unlock(fd: number, byte: number): void;
}

const hint = 'Run "npm run build" in the tsbuild package; it needs a C++ compiler, make and Python.';

/**
 * The package's own directory: the nearest one above this module with a package.json. The same from `src/` and from the
 * bundle in `dist/`.
 */
export function findPackageRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory);
    if (parent === directory) throw new TsbuildError('machine', 'ADDON_MISSING', 'load addon: its package has no package.json', { hint });
    directory = parent;
  }
  return directory;
}

/**
 * The path of a file that `npm run build` makes.
 * @throws TsbuildError `ADDON_MISSING`
 */
export function findBinary(name: 'tsbuild.node' | 'tsbuild-sandbox'): string {
  const path = join(findPackageRoot(), 'build', 'Release', name);
  if (!existsSync(path)) throw new TsbuildError('machine', 'ADDON_MISSING', `load addon: ${path} does not exist`, { hint });
  return path;
}

let loaded: unknown;

/**
 * The addon, loaded on the first call. `Exports` names the functions that the caller uses: each folder declares the
 * types of those that are its own.
 * @throws TsbuildError `ADDON_MISSING` when it was not built, or was built for another Node
 */
export function loadAddon<Exports = Addon>(): Exports {
  if (loaded === undefined) {
    const path = findBinary('tsbuild.node');
    try {
      loaded = createRequire(import.meta.url)(path);
    } catch (cause) {
      throw new TsbuildError('machine', 'ADDON_MISSING', `load addon: ${path}: ${messageOf(cause)}`, { hint, cause });
    }
  }
  // The types of a binary are a promise of ours; test/native checks that each function is there.
  return loaded as Exports;
}
