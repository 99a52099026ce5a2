/**
 * Snapshots: layers made mountable, and the writable ones that steps run on. Blobs are the truth, snapshots are derived:
 * what is missing is made again from the layer's tar. Backends implement `Snapshotter`; the contract suite in
 * `test/contract` holds them to the same behaviour and the same digests.
 *
 * Life of an active snapshot: `prepare` makes it, steps write to it through its view, then exactly one of `commit`, which
 * turns what changed into a layer, and `discard`. After either it is gone and never becomes active again.
 */
import type { DiffID } from '../base/digest.ts';
import type { Stub } from '../layer/layer.ts';
import type { ViewSpec } from '../native/view.ts';

/** A layer in the store. */
export interface CommittedLayer {
  readonly diffID: DiffID;
  readonly sizeBytes: number;
}

export interface CommitOptions {
  /** Mount points that were made for the sandbox alone; they are removed first if they are still as they were. */
  readonly stubs: readonly Stub[];
  readonly signal: AbortSignal;
  /** Hears about what a layer cannot hold, such as sockets. */
  readonly onWarning: (line: string) => void;
}

/** A writable tree above a stack of layers, for one step. */
export interface ActiveSnapshot {
  /**
   * The view for one writer; the next, when that is done, asks again. Each gets a workdir of its own, because overlayfs
   * refuses one that a volatile mount has used.
   */
  openView(): Promise<ViewSpec>;
  commit(options: CommitOptions): Promise<CommittedLayer>;
  discard(): Promise<void>;
}

export interface Snapshotter {
  /** The merged, read-only tree of a stack, lowest layer first; its layers are made mountable if they are not yet. */
  view(layers: readonly DiffID[], signal: AbortSignal): Promise<ViewSpec>;
  prepare(layers: readonly DiffID[], signal: AbortSignal): Promise<ActiveSnapshot>;
  /**
   * Waits for removals that go on in the background: what a step left is deleted outside the build's way.
   * @throws the first failure of a removal since the snapshotter was opened, the others attached
   */
  close(): Promise<void>;
}
