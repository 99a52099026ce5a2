/**
 * The directory backend: each layer is unpacked once into a directory that overlayfs can use as a lowerdir; a committed
 * upperdir becomes that directory. It works on every file system that overlayfs takes, rootless too.
 *
 * A layer of tsbuild's own form means the same on any parent and is unpacked once for all. Other builders' layers may
 * leave out directories that their entries lie in; what those are depends on the layers below, so such a layer is
 * unpacked once for each stack.
 *
 * Nothing here is synced: unpacked layers live under the machine's boot id and those of another boot are thrown away,
 * so that a crash of the machine leaves no half-written file behind a name that says "whole".
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { blobOfDiffID, chainIDOf, hexOf, type DiffID } from '../base/digest.ts';
import { errnoCode, TsbuildError } from '../base/errors.ts';
import { throwFirst } from '../base/releasing.ts';
import { applyLayer, commitUpper, emptyLayer, moveTree, removeTree, type AppliedLayer, type ApplyTarget, type TimePolicy } from '../layer/layer.ts';
import { loadAddon } from '../native/addon.ts';
import type { Helper } from '../native/helper.ts';
import type { LowerSpec, ViewSpec } from '../native/view.ts';
import type { Store } from '../store/store.ts';
import type { ActiveSnapshot, CommitOptions, CommittedLayer, Snapshotter } from './snapshot.ts';

export interface DirectorySnapshotterOptions {
  readonly store: Store;
  readonly helper: Helper;
  readonly times: TimePolicy;
}

const bootIdFile = '/proc/sys/kernel/random/boot_id';

/** Opens the backend; unpacked layers of earlier boots are moved out of the way. */
export async function openDirectorySnapshotter(options: DirectorySnapshotterOptions): Promise<Snapshotter> {
  const bootId = (await readFile(bootIdFile, 'utf8')).trim();
  const folder = join(options.store.paths.snapshots, 'directory');
  const layers = join(folder, bootId);
  await mkdir(layers, { recursive: true, mode: 0o700 });
  const snapshotter = new DirectorySnapshotter(options, layers);
  for (const name of await readdir(folder)) {
    if (name !== bootId) await snapshotter.moveAside(join(folder, name));
  }
  return snapshotter;
}

function temporaryName(prefix: string): string {
  return `${prefix}-${randomBytes(8).toString('hex')}`;
}

class DirectorySnapshotter implements Snapshotter {
  readonly #options: DirectorySnapshotterOptions;
  readonly #layers: string;
  readonly #unpacking = new Map<string, Promise<LowerSpec>>();
  readonly #removals = new Set<Promise<void>>();
  /** Of removals in the background; told by `close`. */
  readonly #failures: unknown[] = [];

  constructor(options: DirectorySnapshotterOptions, layers: string) {
    this.#options = options;
    this.#layers = layers;
  }

  /**
   * A layer that comes twice is mounted once, at its upper place: what it says there, it says about everything below. The
   * kernel refuses the same directory twice (overlayfs, ELOOP).
   */
  async view(layers: readonly DiffID[], signal: AbortSignal): Promise<ViewSpec> {
    const lowers = await Promise.all(
      layers.flatMap((diffID, index) => (diffID === emptyLayer.diffID ? [] : [this.#lower(layers.slice(0, index + 1), signal)])),
    );
    return { lowers: lowers.filter((lower, index) => !lowers.slice(index + 1).some((above) => above.path === lower.path)) };
  }

  async prepare(layers: readonly DiffID[], signal: AbortSignal): Promise<ActiveSnapshot> {
    const { lowers } = await this.view(layers, signal);
    const { folder, upper } = await this.#makeWritable('active');
    let views = 0;
    const openView = async (): Promise<ViewSpec> => {
      const work = join(folder, `work-${(views += 1)}`);
      await mkdir(work, { mode: 0o700 });
      return { lowers, upper, work };
    };
    return {
      openView,
      commit: (options) => this.#commit(folder, { lowers }, upper, options),
      discard: () => Promise.resolve(this.#removeLater(folder)),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#removals);
    throwFirst(this.#failures.splice(0));
  }

  /** Renames a tree into this process's temporary folder and removes it there. */
  async moveAside(path: string): Promise<void> {
    const aside = join(this.#options.store.paths.tmp, temporaryName('old'));
    try {
      await rename(path, aside);
    } catch (error) {
      if (errnoCode(error) === 'ENOENT') return; // another process was faster
      throw error;
    }
    this.#removeLater(aside);
  }

  /** Deleting many files takes long; nobody waits for it before `close`. */
  #removeLater(path: string): void {
    const removal = removeTree(this.#options.helper, path)
      .catch((error: unknown) => void this.#failures.push(error))
      .finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }

  async #makeWritable(prefix: string): Promise<{ readonly folder: string; readonly upper: string }> {
    const folder = join(this.#options.store.paths.tmp, temporaryName(prefix));
    const upper = join(folder, 'upper');
    await mkdir(folder, { mode: 0o700 });
    await makeRoot(upper);
    return { folder, upper };
  }

  /** The top layer of a stack. One unpacking at a time; a failed one is tried again by the next who asks. */
  #lower(stack: readonly DiffID[], signal: AbortSignal): Promise<LowerSpec> {
    const key = this.#nameOf(stack);
    const running = this.#unpacking.get(key);
    if (running !== undefined) return running;
    const path = join(this.#layers, key);
    this.#lease(path);
    const lower = existsSync(path) ? Promise.resolve<LowerSpec>({ kind: 'directory', path }) : this.#unpack(stack, signal);
    this.#unpacking.set(key, lower);
    lower.catch(() => this.#unpacking.delete(key));
    return lower;
  }

  /** A directory that is mounted stays. To be called before looking whether it is there. */
  #lease(path: string): void {
    const { store } = this.#options;
    store.lease(relative(store.paths.root, path));
  }

  /** The directory of the top layer of a stack: by its diffID, or by the stack's chainID where the layer needs it. */
  #nameOf(stack: readonly DiffID[]): string {
    const diffID = topOf(stack);
    return existsSync(this.#dependentMark(diffID)) ? `chain-${hexOf(chainIDOf(stack) ?? diffID)}` : hexOf(diffID);
  }

  /** An empty file that says: this layer has implied directories, and is unpacked for each stack by itself. */
  #dependentMark(diffID: DiffID): string {
    return join(this.#layers, `${hexOf(diffID)}.dependent`);
  }

  async #unpack(stack: readonly DiffID[], signal: AbortSignal): Promise<LowerSpec> {
    const diffID = topOf(stack);
    if (!existsSync(this.#dependentMark(diffID))) {
      const path = join(this.#layers, hexOf(diffID));
      if (await this.#unpackAlone(diffID, path, signal)) return { kind: 'directory', path };
      await writeFile(this.#dependentMark(diffID), '');
    }
    return this.#unpackOnStack(stack, signal);
  }

  /** False, and nothing kept, when the layer turns out to depend on those below. */
  async #unpackAlone(diffID: DiffID, path: string, signal: AbortSignal): Promise<boolean> {
    const { store } = this.#options;
    const target = join(store.paths.tmp, temporaryName('unpack'));
    await makeRoot(target);
    try {
      const { impliedCount } = await this.#apply(diffID, { kind: 'directory', path: target }, signal);
      if (impliedCount === 0) await this.#adopt(target, path);
      return impliedCount === 0;
    } finally {
      this.#removeLater(target);
    }
  }

  async #unpackOnStack(stack: readonly DiffID[], signal: AbortSignal): Promise<LowerSpec> {
    const below = await this.view(stack.slice(0, -1), signal);
    const path = join(this.#layers, this.#nameOf(stack));
    this.#lease(path);
    const { folder, upper } = await this.#makeWritable('unpack');
    const work = join(folder, 'work');
    try {
      await mkdir(work, { mode: 0o700 });
      await this.#apply(topOf(stack), { kind: 'view', view: { ...below, upper, work } }, signal);
      await this.#adopt(upper, path);
    } finally {
      this.#removeLater(folder);
    }
    return { kind: 'directory', path };
  }

  async #apply(diffID: DiffID, target: ApplyTarget, signal: AbortSignal): Promise<AppliedLayer> {
    const { store, helper } = this.#options;
    const blob = blobOfDiffID(diffID);
    const tarFd = await store.blobs.open(blob);
    try {
      return await applyLayer(helper, { tarFd, expected: diffID, target }, signal);
    } catch (error) {
      if (error instanceof TsbuildError && error.code === 'LAYER_CORRUPT') await store.blobs.quarantine(blob);
      throw error;
    } finally {
      loadAddon().closeFd(tarFd);
    }
  }

  /** Gives a finished directory its name; the same layer made twice is success. */
  async #adopt(directory: string, path: string): Promise<void> {
    if (existsSync(path)) return;
    try {
      await moveTree(this.#options.helper, directory, path);
    } catch (error) {
      const code = errnoCode(error);
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    }
  }

  async #commit(folder: string, lowers: ViewSpec, upper: string, options: CommitOptions): Promise<CommittedLayer> {
    const { store, helper, times } = this.#options;
    try {
      const request = { lowers, upper, stubs: options.stubs, times, normalise: true };
      const { digest, sizeBytes } = await store.blobs.ingest(async (fd) => {
        const written = await commitUpper(helper, request, fd, options.signal);
        written.warnings.forEach(options.onWarning);
        return { digest: blobOfDiffID(written.diffID), sizeBytes: written.sizeBytes };
      });
      const diffID = digest as string as DiffID; // the blob is the layer's own tar
      await this.#adopt(upper, join(this.#layers, hexOf(diffID)));
      return { diffID, sizeBytes };
    } finally {
      this.#removeLater(folder);
    }
  }
}

function topOf(stack: readonly DiffID[]): DiffID {
  const top = stack.at(-1);
  if (top === undefined) throw new TsbuildError('bug', 'STACK_EMPTY', 'the empty stack has no top layer');
  return top;
}

/** The root directory of a layer: what a merged tree's root looks like, whatever the umask. */
async function makeRoot(path: string): Promise<void> {
  await mkdir(path);
  await chmod(path, 0o755);
}
