/**
 * Blobs on disk: `blobs/sha256/<hex>` of an OCI image layout. A blob is whole and flushed before it has its name, and
 * whoever reads it gets the error if its bytes are wrong.
 */
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, constants, fchmodSync, fstatSync, lstatSync, openSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { digestFromHex, digestOf, hexOf, isDigest, type BlobDigest } from '../base/digest.ts';
import { errnoCode, invariant } from '../base/errors.ts';
import { undo } from '../base/releasing.ts';
import { blobCorrupt, blobMismatch, blobMissing, blobTooLarge } from './blob-error.ts';
import { diskError } from './disk-error.ts';
import { flushToDisk, syncDirectory } from './durable.ts';
import { markUsed } from './last-use.ts';
import type { BlobStore, Ingested } from './store.ts';

/** How large a blob may be that is read whole, unless the caller says otherwise: manifests and configs. */
export const blobReadSizeMax = 32 * 1024 * 1024;
const chunkSizeBytes = 1024 * 1024;
/** Up to here it is cheaper to read what the store has than to flush the same again: layers of steps that change little. */
const comparedSizeMax = 64 * 1024;
/** A link is not followed, and a FIFO does not block: neither is a blob. */
const openForReading = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Where blobs are, and where unfinished and broken ones are; both on one file system. */
export interface BlobFolders {
  /** `blobs/sha256` of the layout. */
  readonly blobs: string;
  readonly tmp: string;
  /** Keeps a blob from being removed while this process lives; called before it is looked for, or gets its name. */
  readonly lease: (name: string) => void;
}

type WriteBlob = (fd: number, path: string) => Promise<Ingested>;

/** The blobs in a folder. */
export function openBlobs(folders: BlobFolders): BlobStore {
  return {
    stat: (digest) => statBlob(folders, digest),
    ingest: (write, expected) => ingest(folders, write, expected),
    put: (bytes) => put(folders, Buffer.from(bytes)),
    read: (digest, sizeMax = blobReadSizeMax) => read(folders, digest, sizeMax),
    stream: (digest) => stream(folders, digest),
    open: (digest) => openDescriptor(folders, digest),
    path: (digest) => pathOf(folders, digest),
    quarantine: (digest) => quarantine(folders, digest),
  };
}

function pathOf(folders: BlobFolders, digest: BlobDigest): string {
  invariant(isDigest(digest), `${digest} names a file of the store but is no digest`);
  return join(folders.blobs, hexOf(digest));
}

function temporaryPath(folders: BlobFolders, purpose: 'blob' | 'corrupt'): string {
  return join(folders.tmp, `${purpose}-${randomBytes(8).toString('hex')}`);
}

function statBlob(folders: BlobFolders, digest: BlobDigest): number | null {
  const path = pathOf(folders, digest);
  folders.lease(hexOf(digest));
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() !== true) return null;
  markUsed(path, stat.mtimeMs);
  return stat.size;
}

async function ingest(folders: BlobFolders, write: WriteBlob, expected?: BlobDigest): Promise<Ingested> {
  const temporary = temporaryPath(folders, 'blob');
  try {
    const { made, isSealed } = await writeSealed(folders, temporary, write, expected);
    if (!isSealed) {
      unlinkSync(temporary);
      return made;
    }
    // A rename over a blob that is there already also repairs it, should its bytes have gone wrong.
    const path = pathOf(folders, made.digest);
    folders.lease(hexOf(made.digest));
    renameSync(temporary, path);
    await syncDirectory(folders.blobs);
    return made;
  } catch (error) {
    const failure = await undo(error, () => rm(temporary, { force: true }));
    throw diskError(failure, { operation: 'write blob below', path: folders.blobs, owner: 'store' });
  }
}

interface Written {
  readonly made: Ingested;
  /** Flushed and read-only, so that it may get its name; false where the store has the same already. */
  readonly isSealed: boolean;
}

/** What the callback says about the file was checked as far as is free when this returns. */
async function writeSealed(folders: BlobFolders, path: string, write: WriteBlob, expected?: BlobDigest): Promise<Written> {
  const fd = openSync(path, 'wx+', 0o600);
  try {
    const made = await write(fd, path);
    if (expected !== undefined && made.digest !== expected) throw blobMismatch(expected, made.digest);
    const { size } = fstatSync(fd);
    invariant(size === made.sizeBytes, `a blob of ${made.sizeBytes} bytes was announced, ${size} were written`);
    if (size <= comparedSizeMax && (await isStored(folders, made))) return { made, isSealed: false };
    fchmodSync(fd, 0o444);
    await flushToDisk(fd);
    return { made, isSealed: true };
  } finally {
    closeSync(fd);
  }
}

async function put(folders: BlobFolders, bytes: Buffer): Promise<Ingested> {
  const made = { digest: digestOf<BlobDigest>(bytes), sizeBytes: bytes.length };
  if (await isStored(folders, made)) return made;
  return ingest(folders, (fd) => {
    writeFileSync(fd, bytes);
    return Promise.resolve(made);
  });
}

/** Whether a small blob is there and right, so that a cached build need not flush its config and manifest again. */
async function isStored(folders: BlobFolders, made: Ingested): Promise<boolean> {
  if (statBlob(folders, made.digest) !== made.sizeBytes) return false;
  try {
    await read(folders, made.digest, made.sizeBytes);
    return true;
  } catch (error) {
    if (errnoCode(error) === 'BLOB_CORRUPT' || errnoCode(error) === 'BLOB_MISSING') return false;
    throw error;
  }
}

async function read(folders: BlobFolders, digest: BlobDigest, sizeMax: number): Promise<Buffer> {
  const handle = await openFile(folders, digest);
  try {
    const { size } = await handle.stat();
    if (size > sizeMax) throw blobTooLarge(digest, size, sizeMax);
    const bytes = await handle.readFile();
    if (digestOf<BlobDigest>(bytes) !== digest) throw await condemn(folders, digest);
    return bytes;
  } catch (error) {
    throw diskError(error, { operation: 'read blob', path: pathOf(folders, digest), owner: 'store' });
  } finally {
    await handle.close();
  }
}

async function* stream(folders: BlobFolders, digest: BlobDigest): AsyncIterable<Uint8Array> {
  const handle = await openFile(folders, digest);
  const hash = createHash('sha256');
  try {
    const chunks: AsyncIterable<Buffer> = handle.createReadStream({ autoClose: false, highWaterMark: chunkSizeBytes });
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
    if (digestFromHex<BlobDigest>(hash.digest('hex')) !== digest) throw await condemn(folders, digest);
  } catch (error) {
    throw diskError(error, { operation: 'read blob', path: pathOf(folders, digest), owner: 'store' });
  } finally {
    await handle.close();
  }
}

/** Moves the file away and returns the error to throw. */
async function condemn(folders: BlobFolders, digest: BlobDigest): Promise<unknown> {
  return undo(blobCorrupt(digest), () => quarantine(folders, digest));
}

async function openFile(folders: BlobFolders, digest: BlobDigest): Promise<FileHandle> {
  if (statBlob(folders, digest) === null) throw blobMissing(digest);
  const path = pathOf(folders, digest);
  return open(path, openForReading).catch((error: unknown) => {
    throw errnoCode(error) === 'ENOENT' ? blobMissing(digest) : diskError(error, { operation: 'open blob', path, owner: 'store' });
  });
}

/** Not a FileHandle: that one would close the descriptor when it is collected. */
function openDescriptor(folders: BlobFolders, digest: BlobDigest): Promise<number> {
  const path = pathOf(folders, digest);
  return new Promise((resolve) => {
    if (statBlob(folders, digest) === null) throw blobMissing(digest);
    try {
      resolve(openSync(path, openForReading));
    } catch (error) {
      throw diskError(error, { operation: 'open blob', path, owner: 'store' });
    }
  });
}

async function quarantine(folders: BlobFolders, digest: BlobDigest): Promise<void> {
  const path = pathOf(folders, digest);
  try {
    await rename(path, temporaryPath(folders, 'corrupt'));
  } catch (error) {
    if (errnoCode(error) !== 'ENOENT') throw diskError(error, { operation: 'move broken blob', path, owner: 'store' });
  }
}
