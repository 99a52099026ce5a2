/**
 * The client of OCI registries: pull and push by digest (distribution-spec 1.1). It knows nothing of the store, of
 * platforms or of what a manifest says. Start at `createRegistry`; `load-config.ts` makes its options.
 */
import { setTimeout as delay } from 'node:timers/promises';
import PQueue from 'p-queue';
import type { Descriptor } from '../image/config.ts';
import { formatReference, withDefaultTag, type Reference } from '../image/reference.ts';
import { fetchBlob } from './blobs.ts';
import { abortFailure, type Subject } from './failure.ts';
import { getManifest, resolveManifest, type FetchedManifest } from './manifests.ts';
import type { RegistryOptions } from './options.ts';
import { pushBlob, pushManifest, type PushedBlob, type PushOutcome } from './push.ts';
import { createSessions, type RegistrySessions } from './session.ts';
import { createTransport } from './transport.ts';

/** What a transfer tells and how it is stopped. */
export interface Transfer {
  readonly signal: AbortSignal;
  readonly onProgress?: (currentBytes: number, totalBytes: number) => void;
}

/**
 * All registries at once: the reference says which one. Every method throws TsbuildError of class registry
 * (`IMAGE_NOT_FOUND`, `REGISTRY_UNAUTHORIZED`, `REGISTRY_UNREACHABLE` …) or interrupted.
 */
export interface Registry {
  /** What the reference stands for now; `latest` where it has neither tag nor digest. */
  resolve(reference: Reference, signal: AbortSignal): Promise<{ readonly descriptor: Descriptor }>;
  /** The manifest or index, verified by its digest. */
  getManifest(reference: Reference, signal: AbortSignal): Promise<FetchedManifest>;
  /** The bytes of a blob of the reference's repository; they count only once the iteration has ended without an error. */
  fetchBlob(reference: Reference, descriptor: Descriptor, transfer: Transfer): AsyncIterable<Uint8Array>;
  /** Makes a blob present in the reference's repository. */
  pushBlob(reference: Reference, blob: PushedBlob, transfer: Transfer): Promise<PushOutcome>;
  /** Uploads a manifest or index; everything that it names has to be there. */
  pushManifest(reference: Reference, manifest: FetchedManifest, signal: AbortSignal): Promise<void>;
  /** Closes all connections. */
  close(): Promise<void>;
}

/** Options that the client supplies where `loadRegistryConfig` has nothing to say. */
export const clientDefaults = {
  userAgent: 'tsbuild',
  transfersMax: 4,
  timeouts: { connectMs: 15_000, headersMs: 60_000, idleMs: 60_000 },
  wait: (durationMs: number, signal: AbortSignal): Promise<void> => delay(durationMs, undefined, { signal }),
} as const satisfies Partial<RegistryOptions>;

interface Peer {
  readonly sessions: RegistrySessions;
  /** Blob transfers; manifests and tokens do not wait behind them. */
  readonly transfers: PQueue;
}

/** Makes a client. No connection is opened before the first request. */
export function createRegistry(options: RegistryOptions): Registry {
  const transport = createTransport(options);
  const peers = new Map<string, Peer>();
  const peerOf = ({ registry }: Reference): Peer => {
    const known = peers.get(registry);
    if (known !== undefined) return known;
    const made = { sessions: createSessions(registry, transport, options), transfers: new PQueue({ concurrency: options.transfersMax }) };
    peers.set(registry, made);
    return made;
  };
  const request = (verb: string, reference: Reference, signal: AbortSignal, missing: Subject['missing'] = 'image') => ({
    sessions: peerOf(reference).sessions,
    reference,
    subject: { operation: `${verb} ${formatReference(withDefaultTag(reference))}`, registry: reference.registry, missing },
    wait: options.wait,
    signal,
  });
  return {
    resolve: async (reference, signal) => ({ descriptor: await resolveManifest(request('pull', reference, signal)) }),
    getManifest: (reference, signal) => getManifest(request('pull', reference, signal)),
    fetchBlob: (reference, descriptor, { signal, onProgress }) => {
      const download = { ...request('pull', reference, signal, 'blob'), descriptor, onProgress };
      return inTurn(peerOf(reference).transfers, download, () => fetchBlob(download));
    },
    pushBlob: (reference, blob, { signal, onProgress }) => {
      const total = blob.descriptor.size;
      const upload = request('push', reference, signal, 'repository');
      return peerOf(reference).transfers.add(() => pushBlob(upload, blob, (current) => onProgress?.(current, total)));
    },
    pushManifest: (reference, manifest, signal) => pushManifest(request('push', reference, signal, 'repository'), manifest),
    close: () => transport.close(),
  };
}

/** Iterates while holding a place in the queue, and gives it back however the iteration ends. */
async function* inTurn(queue: PQueue, task: { signal: AbortSignal; subject: Subject }, iterate: () => AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  let granted = (): void => undefined;
  const turn = new Promise<void>((resolve) => (granted = resolve));
  const waiting = queue.add(() => (granted(), released), { signal: task.signal });
  // It fails only when the signal aborts, and then the iteration says so itself.
  const place = waiting.catch(() => undefined);
  try {
    await Promise.race([turn, place]);
    if (task.signal.aborted) throw abortFailure(task.subject.operation, task.signal);
    yield* iterate();
  } finally {
    release();
    await place;
  }
}
