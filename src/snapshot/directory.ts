/**
 * The directory backend: each layer is unpacked once into a directory that overlayfs can use as a lowerdir; a committed
 * upperdir becomes that directory. It works on every file system that overlayfs takes, rootless too.
 *
 * A layer of tsbuild's own form means the same on any parent and is unpacked once for all. Other builders' layers may
 * leave out directories that their entries lie in; what those are depends on the layers below, so such a layer is
 * unpacked once for each stack.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { blobOfDiffID, chainIDOf, hexOf, type DiffID } from '../base/digest.ts';
import { TsbuildError } from '../base/errors.ts';
import { commitUpper, emptyLayer, type TimePolicy } from '../layer/layer.ts';
import type { Helper } from '../native/helper.ts';
import type { LowerSpec, ViewSpec } from '../native/view.ts';
import type { Store } from '../store/store.ts';
import { makeRoot, openDerivedFolder, type DerivedFolder } from './derived-folder.ts';
import type { ActiveSnapshot, CommitOptions, CommittedLayer, Snapshotter } from './snapshot.ts';

export interface DirectorySnapshotterOptions {
  readonly store: Store;
  readonly helper: Helper;
  readonly times: TimePolicy;
}

/** Opens the backend; unpacked layers of earlier boots are moved out of the way. */
export async function openDirectorySnapshotter(options: DirectorySnapshotterOptions): Promise<Snapshotter> {
  return new DirectorySnapshotter(options, await openDerivedFolder(options.store, options.helper, 'directory'));
}

class DirectorySnapshotter implements Snapshotter {
  readonly #options: DirectorySnapshotterOptions;
  readonly #derived: DerivedFolder;
  readonly #unpacking = new Map<string, Promise<LowerSpec>>();

  constructor(options: DirectorySnapshotterOptions, derived: DerivedFolder) {
    this.#options = options;
    this.#derived = derived;
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
    const { folder, upper } = this.#makeWritable('active');
    let views = 0;
    const openView = (): Promise<ViewSpec> => new Promise((resolve) => {
      const work = join(folder, `work-${(views += 1)}`);
      mkdirSync(work, { mode: 0o700 });
      resolve({ lowers, upper, work });
    });
    return {
      openView,
      commit: (options) => this.#commit(folder, { lowers }, upper, options),
      discard: () => Promise.resolve(this.#derived.removeLater(folder)),
    };
  }

  close(): Promise<void> {
    return this.#derived.close();
  }

  #makeWritable(prefix: string): { readonly folder: string; readonly upper: string } {
    const folder = this.#derived.makeTemporary(prefix);
    const upper = join(folder, 'upper');
    makeRoot(upper);
    return { folder, upper };
  }

  /** The top layer of a stack. One unpacking at a time; a failed one is tried again by the next who asks. */
  #lower(stack: readonly DiffID[], signal: AbortSignal): Promise<LowerSpec> {
    const key = this.#nameOf(stack);
    const running = this.#unpacking.get(key);
    if (running !== undefined) return running;
    const path = this.#derived.pathOf(key);
    this.#derived.lease(path);
    const lower = existsSync(path) ? Promise.resolve<LowerSpec>({ kind: 'directory', path }) : this.#unpack(stack, signal);
    this.#unpacking.set(key, lower);
    lower.catch(() => this.#unpacking.delete(key));
    return lower;
  }

  /** The directory of the top layer of a stack: by its diffID, or by the stack's chainID where the layer needs it. */
  #nameOf(stack: readonly DiffID[]): string {
    const diffID = topOf(stack);
    return existsSync(this.#dependentMark(diffID)) ? `chain-${hexOf(chainIDOf(stack) ?? diffID)}` : hexOf(diffID);
  }

  /** An empty file that says: this layer has implied directories, and is unpacked for each stack by itself. */
  #dependentMark(diffID: DiffID): string {
    return this.#derived.pathOf(`${hexOf(diffID)}.dependent`);
  }

  async #unpack(stack: readonly DiffID[], signal: AbortSignal): Promise<LowerSpec> {
    const diffID = topOf(stack);
    if (!existsSync(this.#dependentMark(diffID))) {
      const path = this.#derived.pathOf(hexOf(diffID));
      if (await this.#unpackAlone(diffID, path, signal)) return { kind: 'directory', path };
      writeFileSync(this.#dependentMark(diffID), '');
    }
    return this.#unpackOnStack(stack, signal);
  }

  /** False, and nothing kept, when the layer turns out to depend on those below. */
  async #unpackAlone(diffID: DiffID, path: string, signal: AbortSignal): Promise<boolean> {
    const { folder, upper: target } = this.#makeWritable('unpack');
    try {
      const { impliedCount } = await this.#derived.apply(diffID, { kind: 'directory', path: target }, signal);
      if (impliedCount === 0) await this.#derived.adopt(target, path);
      return impliedCount === 0;
    } finally {
      this.#derived.removeLater(folder);
    }
  }

  async #unpackOnStack(stack: readonly DiffID[], signal: AbortSignal): Promise<LowerSpec> {
    const below = await this.view(stack.slice(0, -1), signal);
    const path = this.#derived.pathOf(this.#nameOf(stack));
    this.#derived.lease(path);
    const { folder, upper } = this.#makeWritable('unpack');
    const work = join(folder, 'work');
    try {
      mkdirSync(work, { mode: 0o700 });
      await this.#derived.apply(topOf(stack), { kind: 'view', view: { ...below, upper, work } }, signal);
      await this.#derived.adopt(upper, path);
    } finally {
      this.#derived.removeLater(folder);
    }
    return { kind: 'directory', path };
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
      await this.#derived.adopt(upper, this.#derived.pathOf(hexOf(diffID)));
      return { diffID, sizeBytes };
    } finally {
      this.#derived.removeLater(folder);
    }
  }
}

function topOf(stack: readonly DiffID[]): DiffID {
  const top = stack.at(-1);
  if (top === undefined) throw new TsbuildError('bug', 'STACK_EMPTY', 'the empty stack has no top layer');
  return top;
}
