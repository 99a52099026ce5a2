/**
 * Makes layers present: downloads a blob, stores it as it came and its tar beside it in one pass, both verified. The tar
 * gets its name only after the compressed bytes were found right, and the other way round. Start at `createLayerFetcher`.
 */
import type PQueue from 'p-queue';
import { blobOfDiffID, type DiffID } from '../base/digest.ts';
import { errnoCode, TsbuildError } from '../base/errors.ts';
import type { Descriptor } from '../image/config.ts';
import { abortFailure } from '../registry/failure.ts';
import { recordCompressed } from '../store/layer-blobs.ts';
import type { Store } from '../store/store.ts';
import type { Decompress } from './decompress.ts';
import type { FetchIo, ImageOrigin } from './origin.ts';
import { writeAll, writeStream } from './write-stream.ts';

/** `tar`: the uncompressed blob has to be there; `original`: the one that the manifest names. */
export type LayerNeed = 'tar' | 'original';

/** A layer by both of its names. */
export interface WantedLayer {
  readonly layer: Descriptor;
  readonly diffID: DiffID;
}

/** Layers of one image. */
export interface LayerRequest {
  readonly layers: readonly WantedLayer[];
  readonly need: LayerNeed;
  readonly origin: ImageOrigin;
  readonly io: FetchIo;
}

export interface LayerFetcher {
  /**
   * Returns when all of them are there. The first failure stops the others, and nothing goes on after it has returned.
   * @throws TsbuildError `DIFFID_MISMATCH`, `LAYER_CORRUPT`, `BLOB_MISMATCH` and others, class registry
   */
  fetchAll(request: LayerRequest): Promise<void>;
}

interface FetcherOptions {
  readonly store: Store;
  readonly decompress: Decompress;
  /** Bounds how many layers are decompressed and written at once. */
  readonly queue: PQueue;
}

/** Two images that share a layer fetch it once. */
export function createLayerFetcher(options: FetcherOptions): LayerFetcher {
  const running = new Map<string, Promise<void>>();
  const fetchOnce = (task: LayerTask): Promise<void> => {
    const key = `${task.need} ${task.wanted.diffID} ${task.wanted.layer.digest}`;
    const found = running.get(key) ?? options.queue.add(() => fetchLayer(options, task)).finally(() => running.delete(key));
    running.set(key, found);
    return found;
  };
  return {
    fetchAll: async ({ layers, need, origin, io }) => {
      const stop = new AbortController();
      const signal = AbortSignal.any([io.signal, stop.signal]);
      const fetches = layers.map(async (wanted) => {
        try {
          await fetchOnce({ wanted, need, origin, io: { signal, onProgress: (...progress) => io.onProgress(...progress) } });
        } catch (error) {
          stop.abort(error);
          throw error;
        }
      });
      const failed = (await Promise.allSettled(fetches)).some((outcome) => outcome.status === 'rejected');
      if (failed) throw stop.signal.reason;
    },
  };
}

interface LayerTask {
  readonly wanted: WantedLayer;
  readonly need: LayerNeed;
  readonly origin: ImageOrigin;
  readonly io: FetchIo;
}

async function fetchLayer(options: FetcherOptions, task: LayerTask): Promise<void> {
  const { store } = options;
  const { wanted, need, io } = task;
  const { layer, diffID } = wanted;
  if (io.signal.aborted) throw abortFailure(`fetch layer ${layer.digest}`, io.signal);
  const [tarThere, originalThere] = [store.blobs.stat(blobOfDiffID(diffID)) !== null, store.blobs.stat(layer.digest) !== null];
  if (need === 'tar' ? tarThere : originalThere) return;
  if (originalThere && (await unpackStored(options, task))) return;
  const bytes = task.origin.fetchBlob(layer, { signal: io.signal, onProgress: (current) => io.onProgress(itemOf(layer), current, layer.size) });
  if (tarThere || layer.digest === blobOfDiffID(diffID)) await keepOriginal(store, layer, bytes);
  else await keepBoth(options, wanted, bytes);
  if (layer.digest !== blobOfDiffID(diffID)) await recordCompressed(store, diffID, layer);
  io.onProgress(itemOf(layer), layer.size, layer.size, true);
}

/** The name of a layer in progress messages. */
function itemOf(layer: Descriptor): string {
  return layer.digest.slice(0, 'sha256:'.length + 12);
}

/** Makes the tar from the compressed blob in the store. False: that blob was damaged and is gone now. */
async function unpackStored({ store, decompress }: FetcherOptions, { wanted, io }: LayerTask): Promise<boolean> {
  const { layer, diffID } = wanted;
  try {
    await keepTar({ store, decompress }, wanted, counted(store.blobs.stream(layer.digest), layer, io));
  } catch (error) {
    if (errnoCode(error) === 'BLOB_CORRUPT' || errnoCode(error) === 'BLOB_MISSING') return false;
    throw error;
  }
  await recordCompressed(store, diffID, layer);
  io.onProgress(itemOf(layer), layer.size, layer.size, true);
  return true;
}

async function* counted(source: AsyncIterable<Uint8Array>, layer: Descriptor, io: FetchIo): AsyncGenerator<Uint8Array, void, undefined> {
  let current = 0;
  for await (const chunk of source) {
    if (io.signal.aborted) throw abortFailure(`unpack layer ${layer.digest}`, io.signal);
    current += chunk.length;
    io.onProgress(itemOf(layer), current, layer.size);
    yield chunk;
  }
}

/** The origin verifies what it sends and fails otherwise, so the bytes are hashed once, there. */
async function keepOriginal(store: Store, layer: Descriptor, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  await store.blobs.ingest(async (fd) => {
    for await (const chunk of bytes) await writeAll(fd, chunk);
    return { digest: layer.digest, sizeBytes: layer.size };
  }, layer.digest);
}

async function keepBoth(options: Pick<FetcherOptions, 'store' | 'decompress'>, wanted: WantedLayer, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const { layer } = wanted;
  await options.store.blobs.ingest(async (fd) => {
    await keepTar(options, wanted, copied(fd, bytes));
    return { digest: layer.digest, sizeBytes: layer.size };
  }, layer.digest);
}

async function* copied(fd: number, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    await writeAll(fd, chunk);
    yield chunk;
  }
}

async function keepTar({ store, decompress }: Pick<FetcherOptions, 'store' | 'decompress'>, { layer, diffID }: WantedLayer, compressed: AsyncIterable<Uint8Array>): Promise<void> {
  let readToEnd = false;
  const watched = (async function* () {
    yield* compressed;
    readToEnd = true;
  })();
  try {
    await store.blobs.ingest(async (fd) => {
      const made = await writeStream(fd, decompress(watched));
      // Bytes behind the end of the compressed data would be neither verified nor stored.
      if (!readToEnd) throw new TsbuildError('registry', 'LAYER_CORRUPT', `unpack layer ${layer.digest}: there is data behind its end`);
      return made;
    }, blobOfDiffID(diffID));
  } catch (error) {
    throw describeFailure(error, layer, diffID);
  }
}

function describeFailure(error: unknown, layer: Descriptor, diffID: DiffID): unknown {
  const hint = 'The image is damaged in its registry or archive. Push it again or use another one.';
  if (errnoCode(error) === 'DECOMPRESS_INVALID') return new TsbuildError('registry', 'LAYER_CORRUPT', `unpack layer ${layer.digest}: it cannot be decompressed`, { cause: error, hint });
  if (!(error instanceof TsbuildError) || error.code !== 'BLOB_MISMATCH' || error.details['expected'] !== blobOfDiffID(diffID)) return error;
  return new TsbuildError('registry', 'DIFFID_MISMATCH', `unpack layer ${layer.digest}: its tar is not the diffID ${diffID} of the config`, { cause: error, hint, details: error.details });
}
