/**
 * The copy backend: each stack of layers is a plain directory tree, and a step writes to a copy of it. It mounts nothing, so
 * it works where overlayfs does not: in a container without privileges, on a store that lies on an overlay itself. It costs
 * a copy of the whole tree for each step; file systems that share blocks make that cheap.
 *
 * What a step changed is found by comparing its tree with the one that it began as (addon/sandbox/upper-walk.h), entry by
 * entry and, where all that `stat` says about files is equal, byte by byte: times and inode numbers prove nothing after
 * directories were renamed. The layer is the one that overlayfs gives.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { blobOfDiffID, chainIDOf, hexOf, type DiffID } from '../base/digest.ts';
import { undo } from '../base/releasing.ts';
import { commitUpper, duplicateTree, emptyLayer, type TimePolicy } from '../layer/layer.ts';
import type { Helper } from '../native/helper.ts';
import { treeView, type ViewSpec } from '../native/view.ts';
import type { Store } from '../store/store.ts';
import { makeRoot, openDerivedFolder, type DerivedFolder } from './derived-folder.ts';
import type { ActiveSnapshot, CommitOptions, CommittedLayer, Snapshotter } from './snapshot.ts';

export interface CopySnapshotterOptions {
  readonly store: Store;
  readonly helper: Helper;
  readonly times: TimePolicy;
}

/** Opens the backend; trees of earlier boots are moved out of the way. */
export async function openCopySnapshotter(options: CopySnapshotterOptions): Promise<Snapshotter> {
  return new CopySnapshotter(options, await openDerivedFolder(options.store, options.helper, 'copy'));
}

class CopySnapshotter implements Snapshotter {
  readonly #options: CopySnapshotterOptions;
  readonly #derived: DerivedFolder;
  /** Trees that are being made, by name. */
  readonly #making = new Map<string, Promise<string>>();

  constructor(options: CopySnapshotterOptions, derived: DerivedFolder) {
    this.#options = options;
    this.#derived = derived;
  }

  async view(layers: readonly DiffID[], signal: AbortSignal): Promise<ViewSpec> {
    return treeView(await this.#tree(layers.filter((diffID) => diffID !== emptyLayer.diffID), signal));
  }

  async prepare(layers: readonly DiffID[], signal: AbortSignal): Promise<ActiveSnapshot> {
    const below = await this.view(layers, signal);
    const folder = this.#derived.makeTemporary('active');
    const tree = join(folder, 'tree');
    const discard = (): Promise<void> => Promise.resolve(this.#derived.removeLater(folder));
    try {
      makeRoot(tree);
      for (const { path: from } of below.lowers) await duplicateTree(this.#options.helper, { from, to: tree, keepsLinks: false }, signal);
    } catch (error) {
      throw await undo(error, discard);
    }
    return { openView: () => Promise.resolve(treeView(tree)), commit: (options) => this.#commit(folder, below, tree, options), discard };
  }

  close(): Promise<void> {
    return this.#derived.close();
  }

  /** The tree of a stack, for reading only. One making at a time; a failed one is tried again by the next who asks. */
  #tree(stack: readonly DiffID[], signal: AbortSignal): Promise<string> {
    const name = nameOf(stack);
    const running = this.#making.get(name);
    if (running !== undefined) return running;
    const path = this.#derived.pathOf(name);
    this.#derived.lease(path);
    const tree = existsSync(path) ? Promise.resolve(path) : this.#make(stack, path, signal);
    this.#making.set(name, tree);
    tree.catch(() => this.#making.delete(name));
    return tree;
  }

  /** On a copy of the tree of as many of the lower layers as there is one; trees in between are not kept. */
  async #make(stack: readonly DiffID[], path: string, signal: AbortSignal): Promise<string> {
    const below = this.#nearest(stack);
    const from = below.length === 0 ? null : await this.#tree(below, signal);
    const folder = this.#derived.makeTemporary('unpack');
    const tree = join(folder, 'tree');
    try {
      makeRoot(tree);
      if (from !== null) await duplicateTree(this.#options.helper, { from, to: tree, keepsLinks: true }, signal);
      for (const diffID of stack.slice(below.length)) await this.#derived.apply(diffID, { kind: 'view', view: treeView(tree) }, signal);
      await this.#derived.adopt(tree, path);
    } finally {
      this.#derived.removeLater(folder);
    }
    return path;
  }

  /** The longest part of the stack below its top that has a tree, or is getting one. */
  #nearest(stack: readonly DiffID[]): readonly DiffID[] {
    for (let count = stack.length - 1; count > 0; count--) {
      const below = stack.slice(0, count);
      const name = nameOf(below);
      if (this.#making.has(name) || existsSync(this.#derived.pathOf(name))) return below;
    }
    return [];
  }

  async #commit(folder: string, lowers: ViewSpec, upper: string, options: CommitOptions): Promise<CommittedLayer> {
    const { store, helper, times } = this.#options;
    try {
      const request = { lowers, upper, stubs: options.stubs, times, normalise: false, whole: true };
      const { digest, sizeBytes } = await store.blobs.ingest(async (fd) => {
        const written = await commitUpper(helper, request, fd, options.signal);
        written.warnings.forEach(options.onWarning);
        return { digest: blobOfDiffID(written.diffID), sizeBytes: written.sizeBytes };
      });
      return { diffID: digest as string as DiffID, sizeBytes }; // the blob is the layer's own tar
    } finally {
      this.#derived.removeLater(folder);
    }
  }
}

/** As the store knows snapshots of stacks; that of nothing has the name of the layer without entries. */
function nameOf(stack: readonly DiffID[]): string {
  return `chain-${hexOf(chainIDOf(stack) ?? emptyLayer.diffID)}`;
}
