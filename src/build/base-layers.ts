/**
 * Layers of base images, fetched when the first step needs their bytes: a cached build downloads nothing.
 * It does not know where they come from; `source/` does.
 */
import { blobOfDiffID, type DiffID } from '../base/digest.ts';
import type { BlobStore } from '../store/store.ts';
import type { FetchProgress } from './observer.ts';

/** An image that can bring its layers into the store. */
export interface LayerOrigin {
  readonly diffIDs: readonly DiffID[];
  fetchLayers(wanted: readonly DiffID[], io: { readonly signal: AbortSignal; readonly onProgress: FetchProgress }): Promise<void>;
}

/** How fetching is shown: as the step of the image's vertex. */
export interface FetchObserver {
  fetchStarted(origin: number): FetchProgress;
  fetchDone(origin: number): void;
  fetchFailed(origin: number, error: unknown): void;
}

export class BaseLayers {
  readonly #origins: readonly LayerOrigin[];
  readonly #blobs: BlobStore;
  readonly #observer: FetchObserver;
  readonly #fetches = new Map<number, Promise<void>>();

  constructor(origins: readonly LayerOrigin[], blobs: BlobStore, observer: FetchObserver) {
    this.#origins = origins;
    this.#blobs = blobs;
    this.#observer = observer;
  }

  isPresent(layer: DiffID): boolean {
    return this.#blobs.stat(blobOfDiffID(layer)) !== null;
  }

  /** Makes sure that the bytes of all these layers are in the store; each image is fetched once a build, whole. */
  async ensure(layers: readonly DiffID[], signal: AbortSignal): Promise<void> {
    const missing = layers.filter((layer) => !this.isPresent(layer));
    if (missing.length === 0) return;
    const wanted = this.#origins.flatMap((origin, index) => (missing.some((layer) => origin.diffIDs.includes(layer)) ? [index] : []));
    await Promise.all(wanted.map((index) => this.#fetch(index, signal)));
  }

  #fetch(index: number, signal: AbortSignal): Promise<void> {
    const running = this.#fetches.get(index);
    if (running !== undefined) return running;
    const fetch = this.#fetchNow(index, signal);
    this.#fetches.set(index, fetch);
    return fetch;
  }

  async #fetchNow(index: number, signal: AbortSignal): Promise<void> {
    const origin = this.#origins[index];
    if (origin === undefined) return;
    const onProgress = this.#observer.fetchStarted(index);
    try {
      const wanted = origin.diffIDs.filter((layer) => !this.isPresent(layer));
      await origin.fetchLayers(wanted, { signal, onProgress });
      this.#observer.fetchDone(index);
    } catch (error) {
      this.#observer.fetchFailed(index, error);
      throw error;
    }
  }
}
