/**
 * Reads the tar of an image archive in one pass. Files go into the store by digest, the few documents are kept in memory,
 * links only as names: no path of the archive ever reaches a file system.
 */
import { pipeline } from 'node:stream/promises';
import { extract, type Extract } from 'tar-stream';
import { digestFromHex, type BlobDigest } from '../base/digest.ts';
import { errnoCode, messageOf, TsbuildError } from '../base/errors.ts';
import { abortFailure } from '../registry/failure.ts';
import type { Ingested, Store } from '../store/store.ts';
import { writeStream } from './write-stream.ts';

/** What was in an archive. */
export interface ArchiveContent {
  /** For messages. */
  readonly name: string;
  /** `index.json`, `oci-layout`, `manifest.json` at the top. */
  readonly documents: ReadonlyMap<string, Uint8Array>;
  /** All other files by their normalised names; they are blobs of the store. */
  readonly files: ReadonlyMap<string, Ingested>;
  /** Links by their normalised names: the normalised names they stand for. */
  readonly links: ReadonlyMap<string, string>;
}

/** An archive and where it goes. */
export interface ArchiveRequest {
  readonly name: string;
  /** The tar, not compressed. */
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly store: Store;
  readonly signal: AbortSignal;
}

const documentNames = new Set(['index.json', 'oci-layout', 'manifest.json']);
const documentBytesMax = 4 * 1024 * 1024;
const entriesMax = 100_000;
const nameCharsMax = 1024;
const blobName = /^blobs\/sha256\/([0-9a-f]{64})$/;

/**
 * Reads an archive to its end.
 * @throws TsbuildError `ARCHIVE_INVALID`, class registry; errors of the source pass through
 */
export async function readArchive(request: ArchiveRequest): Promise<ArchiveContent> {
  const content = { name: request.name, documents: new Map<string, Uint8Array>(), files: new Map<string, Ingested>(), links: new Map<string, string>() };
  const extractor = extract();
  const feeding = pipeline(request.bytes, extractor).then(() => null, (error: unknown) => error);
  let count = 0;
  try {
    for await (const entry of extractor) {
      if (request.signal.aborted) throw abortFailure(`load ${request.name}`, request.signal);
      if (++count > entriesMax) throw archiveInvalid(request.name, `it has more than ${entriesMax} entries`);
      await readEntry(request, entry, content);
    }
  } catch (error) {
    extractor.destroy();
    const cause = (await feeding) ?? error;
    throw chooseError(request.name, error, cause);
  }
  const failure = await feeding;
  if (failure !== null) throw chooseError(request.name, failure, failure);
  return content;
}

/** Ours first, then the source's; what is left is tar-stream's opinion of the bytes. */
function chooseError(name: string, ...errors: readonly unknown[]): unknown {
  const own = errors.find((error) => error instanceof TsbuildError) ?? errors.find((error) => /^E[A-Z]+$/.test(errnoCode(error) ?? ''));
  return own ?? archiveInvalid(name, `its tar is damaged: ${messageOf(errors[0])}`, errors[0]);
}

type Entry = Extract extends AsyncIterable<infer Item> ? Item : never;

interface Collected {
  readonly documents: Map<string, Uint8Array>;
  readonly files: Map<string, Ingested>;
  readonly links: Map<string, string>;
}

async function readEntry(request: ArchiveRequest, entry: Entry, content: Collected): Promise<void> {
  const name = normalizeName(request.name, entry.header.name);
  switch (entry.header.type) {
    case 'file':
    case 'contiguous-file':
      if (documentNames.has(name)) keepOnce(request, content.documents, name, await readDocument(request, entry, name));
      else keepFile(request, content, name, await storeFile(request, entry, name));
      return;
    case 'symlink':
    case 'link':
      keepOnce(request, content.links, name, linkTarget(request.name, name, entry.header));
      break;
    case 'directory':
      break;
    default:
      // Also null, which the typings leave out: sparse files and types that tar-stream does not know.
      throw archiveInvalid(request.name, `${JSON.stringify(name)} is neither a file nor a link but ${entry.header.type ?? 'of an unknown type'}`);
  }
  entry.resume();
}

async function readDocument(request: ArchiveRequest, entry: Entry, name: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of bytesOf(entry)) {
    sizeBytes += chunk.length;
    if (sizeBytes > documentBytesMax) throw archiveInvalid(request.name, `${name} is larger than the limit of ${documentBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function bytesOf(entry: Entry): AsyncIterable<Uint8Array> {
  // The typings leave open what comes out; tar-stream pushes slices of the buffers that it is given.
  return entry as AsyncIterable<Uint8Array>;
}

async function storeFile({ store, name: archive }: ArchiveRequest, entry: Entry, name: string): Promise<Ingested> {
  const hex = blobName.exec(name)?.[1];
  const expected = hex === undefined ? undefined : digestFromHex<BlobDigest>(hex);
  try {
    return await store.blobs.ingest((fd) => writeStream(fd, bytesOf(entry)), expected);
  } catch (error) {
    if (errnoCode(error) !== 'BLOB_MISMATCH') throw error;
    throw archiveInvalid(archive, `${name} does not have the digest that it is named by`, error);
  }
}

function keepFile(request: ArchiveRequest, content: Collected, name: string, file: Ingested): void {
  // The same file twice is harmless; two files of one name are two answers to one question.
  if (content.files.get(name)?.digest === file.digest) return;
  keepOnce(request, content.files, name, file);
}

function keepOnce<Value>(request: ArchiveRequest, map: Map<string, Value>, name: string, value: Value): void {
  if (map.has(name)) throw archiveInvalid(request.name, `${JSON.stringify(name)} is in it twice`);
  map.set(name, value);
}

function linkTarget(archive: string, name: string, { type, linkname }: Entry['header']): string {
  const target = linkname ?? '';
  // A symbolic link starts at its own folder, a hard link at the top.
  const folder = type === 'symlink' ? name.split('/').slice(0, -1) : [];
  return normalizeName(archive, [...folder, target].join('/'), target.startsWith('/'));
}

/** A name without `.` and `..`; one that leads out of the archive is refused. */
function normalizeName(archive: string, name: string, absolute = name.startsWith('/')): string {
  const parts: string[] = [];
  let escapes = absolute || name.length > nameCharsMax;
  for (const part of name.split('/')) {
    if (part === '..') escapes ||= parts.pop() === undefined;
    else if (part !== '' && part !== '.') parts.push(part);
  }
  if (escapes || name.includes('\0')) throw archiveInvalid(archive, `the name ${JSON.stringify(name.slice(0, 200))} leads out of it`);
  return parts.join('/');
}

/** The error for an archive that is not what it has to be. */
export function archiveInvalid(archive: string, cause: string, error?: unknown): TsbuildError {
  return new TsbuildError('registry', 'ARCHIVE_INVALID', `load ${archive}: ${cause}`, {
    hint: 'The archive is damaged or was made to do harm. Make it again.',
    ...(error === undefined ? {} : { cause: error }),
  });
}
