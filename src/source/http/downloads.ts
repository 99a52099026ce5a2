/**
 * Files behind http(s) addresses, for ADD and for contexts: what they are (asked of the server once a build, and not at
 * all where a checksum says it), and their bytes, which are kept as blobs of the store. Start at `createDownloads`.
 */
import { isDigest, type BlobDigest } from '../../base/digest.ts';
import { invariant, TsbuildError } from '../../base/errors.ts';
import { hideCredentials } from '../../dockerfile/git-url.ts';
import type { RegistryConfigSources } from '../../registry/load-config.ts';
import type { HttpResponse } from '../../registry/transport.ts';
import type { Store } from '../../store/store.ts';
import type { SecretLookup } from '../secret-text.ts';
import { writeStream } from '../write-stream.ts';
import type { HttpClient } from './client.ts';
import { conditionalHeaders, isSameEntity, modifiedSecondsOf, readValidators, validatorsOf, writeValidators, type Validators } from './validators.ts';

/** Largest file that is fetched. */
export const downloadSizeMax = 64 * 1024 ** 3;

export interface DownloadsOptions {
  readonly store: Store;
  /** Certificates and proxies are those of registries. */
  readonly registry: RegistryConfigSources;
  readonly secret: SecretLookup;
  readonly sizeBytesMax?: number;
}

export interface DownloadRequest {
  /** For messages: `ADD`, `context`. */
  readonly what: string;
  readonly url: string;
  /** `sha256:` and 64 digits: what the file must be. */
  readonly checksum: string | null;
  readonly signal: AbortSignal;
  /** Bytes so far, and of all where the server said it. */
  readonly onProgress?: (currentBytes: number, totalBytes?: number) => void;
}

/** What an address stands for in this build. */
export interface Download {
  readonly digest: BlobDigest;
  /** The bytes, on disk and verified; fetched now if they are not here. */
  open(): Promise<OpenDownload>;
}

export interface OpenDownload {
  readonly path: string;
  /** Last-Modified in seconds since the epoch; null where the server did not say. */
  readonly modifiedSeconds: number | null;
}

export interface Downloads {
  /** @throws TsbuildError `URL_INVALID`, `CHECKSUM_INVALID`, class usage; `DOWNLOAD_FAILED`, `DOWNLOAD_TOO_LARGE`, `CHECKSUM_MISMATCH`, class registry */
  resolve(request: DownloadRequest): Promise<Download>;
  close(): Promise<void>;
}

/** The downloads of one build: what is behind an address cannot change in the middle of it. */
export function createDownloads(options: DownloadsOptions): Downloads {
  const known = new Map<string, Promise<Download>>();
  let client: Promise<HttpClient> | null = null;
  const openClient = (): Promise<HttpClient> => (client ??= import('./client.ts').then(({ openHttpClient }) => openHttpClient(options.registry, options.secret)));
  return {
    resolve: (request) => {
      const key = JSON.stringify([request.url, request.checksum]);
      const found = known.get(key) ?? resolve({ ...options, openClient }, request);
      known.set(key, found);
      return found;
    },
    close: async () => {
      const [opened] = await Promise.allSettled([client]); // one that failed to open has nothing to close
      if (opened.status === 'fulfilled') await opened.value?.close();
    },
  };
}

interface Context extends DownloadsOptions {
  readonly openClient: () => Promise<HttpClient>;
}

async function resolve(context: Context, request: DownloadRequest): Promise<Download> {
  const { url, name } = readUrl(request);
  const task: Task = { context, request, url, name };
  if (request.checksum !== null) return later(task, readChecksum(request.checksum, name), null);
  const remembered = await readValidators(context.store.paths, url);
  const fresh = await get(task, remembered === null ? {} : conditionalHeaders(remembered), async (response) => {
    if (remembered === null || (response.status !== 304 && !isSameEntity(response, remembered))) return save(task, response);
    await response.discard();
    return null;
  });
  if (fresh !== null) return { digest: fresh.digest, open: () => Promise.resolve(opened(task, fresh)) };
  invariant(remembered !== null, 'only what was remembered can be the same');
  return later(task, remembered.digest, remembered);
}

/** Everything about one address. */
interface Task {
  readonly context: Context;
  readonly request: DownloadRequest;
  readonly url: URL;
  readonly name: string;
}

function readUrl({ what, url: text }: DownloadRequest): Pick<Task, 'url' | 'name'> {
  const name = `${what} ${hideCredentials(text)}`;
  if (URL.canParse(text)) return { url: new URL(text), name };
  throw new TsbuildError('usage', 'URL_INVALID', `${name}: it is no address`, { hint: 'Write it like https://example.org/file.' });
}

function readChecksum(checksum: string, name: string): BlobDigest {
  if (isDigest(checksum)) return checksum as BlobDigest;
  throw new TsbuildError('usage', 'CHECKSUM_INVALID', `${name}: --checksum=${checksum}: invalid checksum`, { hint: 'Write sha256: and 64 hexadecimal digits.' });
}

function opened({ context }: Task, { digest, lastModified }: Pick<Validators, 'digest' | 'lastModified'>): OpenDownload {
  return { path: context.store.blobs.path(digest), modifiedSeconds: modifiedSecondsOf({ lastModified }) };
}

/** A download whose digest is known, and whose bytes may never be needed. */
function later(task: Task, digest: BlobDigest, remembered: Validators | null): Download {
  let opening: Promise<OpenDownload> | null = null;
  return { digest, open: () => (opening ??= ensure(task, digest, remembered)) };
}

async function ensure(task: Task, digest: BlobDigest, remembered: Validators | null): Promise<OpenDownload> {
  const { store } = task.context;
  const validators = remembered ?? (await readValidators(store.paths, task.url));
  if (validators?.digest === digest && (await isWhole(store, digest))) return opened(task, validators);
  return opened(task, await get(task, {}, (response) => save(task, response, digest)));
}

/** Whether the blob is there with the right bytes; one that is not right is moved out of the way. */
async function isWhole({ blobs }: Store, digest: BlobDigest): Promise<boolean> {
  if (blobs.stat(digest) === null) return false;
  try {
    for await (const chunk of blobs.stream(digest)) void chunk;
    return true;
  } catch (error) {
    if (error instanceof TsbuildError && (error.code === 'BLOB_CORRUPT' || error.code === 'BLOB_MISSING')) return false;
    throw error;
  }
}

async function get<T>({ context, request, url, name }: Task, headers: Readonly<Record<string, string>>, take: (response: HttpResponse) => Promise<T>): Promise<T> {
  const client = await context.openClient();
  return client.get({ what: name, url, headers, signal: request.signal }, take);
}

/** Keeps the body as a blob; with `expected`, only if it is that. */
async function save(task: Task, response: HttpResponse, expected?: BlobDigest): Promise<Validators> {
  const { store } = task.context;
  if (response.status === 304) throw refuse(task, 'DOWNLOAD_FAILED', 'the server says "not modified" to a request without a condition');
  const { digest } = await store.blobs.ingest(async (fd) => {
    const received = await writeStream(fd, counted(task, response));
    if (expected !== undefined && received.digest !== expected) throw mismatch(task, expected, received.digest);
    return received;
  });
  const validators = validatorsOf(response, digest);
  await writeValidators(store.paths, task.url, validators);
  return validators;
}

async function* counted(task: Task, response: HttpResponse): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  for await (const chunk of response.body) {
    task.request.signal.throwIfAborted();
    sizeBytes += chunk.length;
    checkSize(task, sizeBytes, response);
    yield chunk;
  }
}

function checkSize(task: Task, sizeBytes: number, response: HttpResponse): void {
  const { context, request } = task;
  const sizeMax = context.sizeBytesMax ?? downloadSizeMax;
  if (sizeBytes > sizeMax) throw refuse(task, 'DOWNLOAD_TOO_LARGE', `it has more than ${sizeMax} bytes`);
  const total = Number(response.header('content-length') ?? Number.NaN);
  request.onProgress?.(sizeBytes, ...(Number.isSafeInteger(total) ? [total] : []));
}

function mismatch(task: Task, expected: BlobDigest, actual: BlobDigest): TsbuildError {
  if (task.request.checksum === null) return refuse(task, 'DOWNLOAD_CHANGED', 'it changed while the build ran', 'Build again.');
  return refuse(task, 'CHECKSUM_MISMATCH', `its digest is ${actual}, not ${expected}`, 'The file behind the address has changed, or the checksum is wrong.');
}

function refuse({ name }: Task, code: string, reason: string, hint?: string): TsbuildError {
  return new TsbuildError('registry', code, `${name}: ${reason}`, hint === undefined ? {} : { hint });
}
