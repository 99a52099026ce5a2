/**
 * The folder in which one backend keeps what it derives from layers, by the machine's boot id, and the removal of trees
 * outside the build's way. It knows no form of a snapshot.
 *
 * Nothing in it is synced: what another boot left is thrown away, so that a crash of the machine leaves no half-written file
 * behind a name that says "whole".
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { readFile, readdir, rename } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { blobOfDiffID, type DiffID } from '../base/digest.ts';
import { errnoCode, TsbuildError } from '../base/errors.ts';
import { throwFirst } from '../base/releasing.ts';
import { applyLayer, moveTree, removeTree, type AppliedLayer, type ApplyTarget } from '../layer/layer.ts';
import { loadAddon } from '../native/addon.ts';
import type { Helper } from '../native/helper.ts';
import type { Store } from '../store/store.ts';
import { makeFolder } from '../store/durable.ts';

const bootIdFile = '/proc/sys/kernel/random/boot_id';

/** One backend's folder of this boot. */
export class DerivedFolder {
  readonly #store: Store;
  readonly #helper: Helper;
  readonly #path: string;
  readonly #removals = new Set<Promise<void>>();
  /** Of removals in the background; told by `close`. */
  readonly #failures: unknown[] = [];

  constructor(store: Store, helper: Helper, path: string) {
    this.#store = store;
    this.#helper = helper;
    this.#path = path;
  }

  pathOf(name: string): string {
    return join(this.#path, name);
  }

  /** A tree that is in use stays. To be called before looking whether it is there. */
  lease(path: string): void {
    this.#store.lease(relative(this.#store.paths.root, path));
  }

  /** A folder in the store's temporary one, for this process alone. */
  makeTemporary(prefix: string): string {
    const folder = join(this.#store.paths.tmp, temporaryName(prefix));
    mkdirSync(folder, { mode: 0o700 });
    return folder;
  }

  /** Unpacks a layer of the store; one whose bytes are wrong is moved out of the way. */
  async apply(diffID: DiffID, target: ApplyTarget, signal: AbortSignal): Promise<AppliedLayer> {
    const blob = blobOfDiffID(diffID);
    const tarFd = await this.#store.blobs.open(blob);
    try {
      return await applyLayer(this.#helper, { tarFd, expected: diffID, target }, signal);
    } catch (error) {
      if (error instanceof TsbuildError && error.code === 'LAYER_CORRUPT') await this.#store.blobs.quarantine(blob);
      throw error;
    } finally {
      loadAddon().closeFd(tarFd);
    }
  }

  /** Gives a finished directory its name; the same one made twice is success. */
  async adopt(directory: string, path: string): Promise<void> {
    if (existsSync(path)) return;
    try {
      await moveTree(this.#helper, directory, path);
    } catch (error) {
      const code = errnoCode(error);
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    }
  }

  /** Renames a tree into this process's temporary folder and removes it there. */
  async moveAside(path: string): Promise<void> {
    const aside = join(this.#store.paths.tmp, temporaryName('old'));
    try {
      await rename(path, aside);
    } catch (error) {
      if (errnoCode(error) === 'ENOENT') return; // another process was faster
      throw error;
    }
    this.removeLater(aside);
  }

  /** Deleting many files takes long; nobody waits for it before `close`. */
  removeLater(path: string): void {
    const removal = removeTree(this.#helper, path)
      .catch((error: unknown) => void this.#failures.push(error))
      .finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }

  /** Waits for the removals; throws the first failure of one, the others attached. */
  async close(): Promise<void> {
    await Promise.all(this.#removals);
    throwFirst(this.#failures.splice(0));
  }
}

/** Opens a backend's folder; what earlier boots left is moved out of the way. */
export async function openDerivedFolder(store: Store, helper: Helper, backend: string): Promise<DerivedFolder> {
  const bootId = (await readFile(bootIdFile, 'utf8')).trim();
  const folder = join(store.paths.snapshots, backend);
  const ofThisBoot = join(folder, bootId);
  makeFolder(ofThisBoot);
  const derived = new DerivedFolder(store, helper, ofThisBoot);
  for (const name of await readdir(folder)) {
    if (name !== bootId) await derived.moveAside(join(folder, name));
  }
  return derived;
}

function temporaryName(prefix: string): string {
  return `${prefix}-${randomBytes(8).toString('hex')}`;
}

/** The root directory of a layer or a tree: what a merged tree's root looks like, whatever the umask. */
export function makeRoot(path: string): void {
  mkdirSync(path);
  chmodSync(path, 0o755);
}
