/**
 * Remembers which compressed blobs hold which layer: `layers/v1/<diffID hex>/<blob hex>.json`, one descriptor each. It is
 * a hint only: a record is worth something while its blob is in the store. Records are written after the blob was
 * decompressed and its tar found to be the diffID. Nothing is compressed here.
 */
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../base/canonical.ts';
import { digestFromHex, hexOf, isDigest, type BlobDigest, type DiffID } from '../base/digest.ts';
import { errnoCode } from '../base/errors.ts';
import type { Descriptor } from '../base/descriptor.ts';
import { makeFolder, replaceFile } from './durable.ts';
import type { Store } from './store.ts';

/** Records that a blob is a layer's tar, compressed. Recording the same again is success. */
export async function recordCompressed(store: Store, diffID: DiffID, descriptor: Descriptor): Promise<void> {
  const folder = folderOf(store, diffID);
  makeFolder(folder);
  const { mediaType, digest, size } = descriptor;
  await replaceFile({
    path: join(folder, `${hexOf(digest)}.json`),
    temporary: join(store.paths.tmp, `layer-${randomBytes(8).toString('hex')}`),
    bytes: canonicalJson({ mediaType, digest, size }),
    mode: 0o600,
  });
}

/**
 * A compressed blob of the layer that is in the store now: of the first media type in the list that has one, and among
 * several the one with the smallest digest, so that the answer depends on no order of directory entries.
 */
export async function findCompressed(store: Store, diffID: DiffID, mediaTypePreference: readonly string[]): Promise<Descriptor | null> {
  const records = await readRecords(store, diffID);
  const present = records.filter((record) => store.blobs.stat(record.digest) === record.size);
  for (const mediaType of mediaTypePreference) {
    const found = present.find((record) => record.mediaType === mediaType);
    if (found !== undefined) return found;
  }
  return null;
}

function folderOf(store: Store, diffID: DiffID): string {
  return join(store.paths.cache, '..', 'layers', 'v1', hexOf(diffID));
}

async function readRecords(store: Store, diffID: DiffID): Promise<readonly Descriptor[]> {
  const folder = folderOf(store, diffID);
  const records: Descriptor[] = [];
  for (const name of await listFolder(folder)) {
    const hex = name.slice(0, -'.json'.length);
    if (!name.endsWith('.json') || !isDigest(`sha256:${hex}`)) continue;
    const record = parseRecord(await readFile(join(folder, name), 'utf8'), digestFromHex<BlobDigest>(hex));
    if (record !== null) records.push(record);
  }
  return records;
}

async function listFolder(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** A record that is not whole is no record: it is written again when the layer is next fetched or compressed. */
function parseRecord(text: string, digest: BlobDigest): Descriptor | null {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null || !('mediaType' in parsed) || !('size' in parsed)) return null;
    const { mediaType, size } = parsed;
    if (typeof mediaType !== 'string' || typeof size !== 'number') return null;
    return { mediaType, digest, size };
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
