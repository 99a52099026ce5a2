/**
 * Compresses layers, each once: the blob is kept in the store and remembered under (layer, compression, level, format).
 * The compressor itself comes in as a function. Its output must depend on nothing but its input.
 */
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { makeKey, type CacheKey, type JsonValue } from '../base/canonical.ts';
import { blobOfDiffID, digestFromHex, isDigest, type BlobDigest, type DiffID } from '../base/digest.ts';
import { TsbuildError } from '../base/errors.ts';
import { mediaTypes, type Descriptor } from '../image/config.ts';
import type { BlobStore, Ingested } from '../store/store.ts';
import type { CompressLayer, LayerForm } from './layers.ts';

/** One kind of compression. */
export interface Compressor {
  /** Raised when the same input would give other bytes than before. */
  readonly format: string;
  readonly levelDefault: number;
  readonly compress: (tar: AsyncIterable<Uint8Array>, level: number, signal: AbortSignal) => AsyncIterable<Uint8Array>;
}

/** By kind; one that this machine cannot do is left out. */
export type LayerCompressors = Readonly<Partial<Record<LayerForm['type'], Compressor>>>;

/** Where it is remembered which blob holds a compressed layer: the build cache. */
export interface CompressionRecords {
  get(key: CacheKey): Promise<JsonValue | null>;
  put(key: CacheKey, result: JsonValue): Promise<void>;
}

export interface CompressOptions {
  readonly blobs: BlobStore;
  readonly records: CompressionRecords;
  readonly compressors: LayerCompressors;
}

/** The function that an export compresses layers with. */
export function layerCompressor(options: CompressOptions): CompressLayer {
  return async (diffID, { type, level }, signal) => {
    const compressor = options.compressors[type];
    if (compressor === undefined) {
      throw new TsbuildError('machine', 'COMPRESSION_MISSING', `compress layer ${diffID}: ${type} is not there in this version of Node.js`, {
        hint: 'Use compression=gzip, or a newer Node.js: zstd came with 22.15.',
      });
    }
    const job: Job = { diffID, type, level: level ?? compressor.levelDefault, compressor };
    return (await findRecorded(job, options)) ?? compressAndRecord(job, options, signal);
  };
}

interface Job {
  readonly diffID: DiffID;
  readonly type: LayerForm['type'];
  readonly level: number;
  readonly compressor: Compressor;
}

function keyOf({ diffID, type, level, compressor }: Job): CacheKey {
  return makeKey('compress/1', [
    { name: 'layer', value: diffID },
    { name: 'compression', value: type },
    { name: 'level', value: level },
    { name: 'format', value: compressor.format },
  ]);
}

async function findRecorded(job: Job, { blobs, records }: CompressOptions): Promise<Descriptor | null> {
  const found = decodeResult(await records.get(keyOf(job)));
  return found === null || blobs.stat(found.digest) !== found.sizeBytes ? null : describe(job, found);
}

async function compressAndRecord(job: Job, { blobs, records }: CompressOptions, signal: AbortSignal): Promise<Descriptor> {
  const tar = blobs.stream(blobOfDiffID(job.diffID));
  const made = await blobs.ingest((fd) => writeHashed(fd, job.compressor.compress(tar, job.level, signal), signal));
  await records.put(keyOf(job), { digest: made.digest, sizeBytes: made.sizeBytes });
  return describe(job, made);
}

async function writeHashed(fd: number, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<Ingested> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    hash.update(chunk);
    for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
    sizeBytes += chunk.length;
  }
  return { digest: digestFromHex<BlobDigest>(hash.digest('hex')), sizeBytes };
}

function describe({ type }: Job, { digest, sizeBytes }: Ingested): Descriptor {
  return { mediaType: type === 'gzip' ? mediaTypes.ociLayerGzip : mediaTypes.ociLayerZstd, digest, size: sizeBytes };
}

/** A record that is not of this form is none. */
function decodeResult(result: JsonValue | null): Ingested | null {
  if (result === null || typeof result !== 'object' || !('digest' in result)) return null;
  const { digest, sizeBytes } = result;
  if (typeof digest !== 'string' || !isDigest(digest) || typeof sizeBytes !== 'number') return null;
  return { digest: digest as BlobDigest, sizeBytes };
}
