/**
 * Tars that hold images: entries by name, every header field given, so that equal content is equal bytes under any
 * umask, clock, user and time zone. Blobs pass through in pieces; memory does not grow with them.
 */
import { pack, type Header, type Pack } from 'tar-stream';
import { compareBytes } from '../base/canonical.ts';
import { hexOf, type BlobDigest } from '../base/digest.ts';
import { messageOf } from '../base/errors.ts';

/** The time of every entry: the constant of all file times in layers (DESIGN.md, section 5, "Times"). */
const entryTime = new Date(315_619_200_000);
/** What ustar's twelve octal digits hold; larger sizes also go into a PAX header (POSIX pax, "size"). */
const ustarSizeMax = 8 * 1024 ** 3 - 1;

/** A file of an image archive or layout. */
export interface ArchiveFile {
  /** With slashes, relative. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Opens the content. It is read once. */
  readonly content: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** A file from memory. */
export function fileOfBytes(name: string, bytes: Uint8Array): ArchiveFile {
  return { name, sizeBytes: bytes.length, content: () => [bytes] };
}

/** Where a blob stands in a layout. */
export function blobName(digest: BlobDigest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

/** The bytes of the tar: folders before what is in them, all by the bytes of their names. */
export async function* packArchive(files: readonly ArchiveFile[]): AsyncIterable<Uint8Array> {
  const tar = pack();
  const filling = fill(tar, files);
  try {
    // streamx does not say what it streams; a tar is bytes.
    yield* tar as AsyncIterable<Uint8Array>;
  } finally {
    tar.destroy();
    await filling;
  }
}

/** Never rejects: a failure ends the tar with its error, which the reader of the tar gets. */
async function fill(tar: Pack, files: readonly ArchiveFile[]): Promise<void> {
  const folders = new Set(files.flatMap(({ name }) => foldersOf(name)));
  const entries = [...[...folders].map((name) => ({ name, file: null })), ...files.map((file) => ({ name: file.name, file }))];
  try {
    for (const { name, file } of entries.sort((a, b) => compareBytes(a.name, b.name))) {
      await (file === null ? addFolder(tar, name) : addFile(tar, file));
    }
    tar.finalize();
  } catch (error) {
    tar.destroy(error instanceof Error ? error : new Error(messageOf(error)));
  }
}

/** `blobs/` and `blobs/sha256/` for a blob. */
function foldersOf(name: string): readonly string[] {
  const parts = name.split('/').slice(0, -1);
  return parts.map((_, index) => `${parts.slice(0, index + 1).join('/')}/`);
}

function addFolder(tar: Pack, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    tar.entry({ ...header(name, 0), type: 'directory', mode: 0o755 }, (error) => (error ? reject(error) : resolve()));
  });
}

/** Settles when the content is closed, too: whoever gives the tar up has no blob open afterwards. */
async function addFile(tar: Pack, file: ArchiveFile): Promise<void> {
  const fields = { ...header(file.name, file.sizeBytes), type: 'file', mode: 0o644 } as const;
  let finish: (error?: Error | null) => void = () => undefined;
  const finished = new Promise<void>((resolve, reject) => {
    finish = (error) => (error ? reject(error) : resolve());
  });
  const entry = tar.entry(fields, (error) => finish(error));
  entry.once('error', finish);
  const written = writeChunksTo(entry, file.content()).catch((error: unknown) => {
    entry.destroy(error instanceof Error ? error : new Error(messageOf(error)));
    throw error;
  });
  for (const outcome of await Promise.allSettled([written, finished])) if (outcome.status === 'rejected') throw outcome.reason;
}

/** A stream of tar-stream that is written to: an entry of an archive, or the reader of one. */
export interface TarSink {
  write(chunk: Uint8Array): boolean;
  end(last: null): unknown;
  once(event: 'drain' | 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
  readonly destroying: boolean;
}

/** Writes all chunks and ends the sink, at the pace at which it takes them; fails when the sink is closed before. */
export async function writeChunksTo(sink: TarSink, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) {
    if (!sink.write(chunk)) await drained(sink);
  }
  sink.end(null);
}

function drained(sink: TarSink): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(new Error('the archive was given up'));
    // One that is closed already never says so again.
    if (sink.destroying) return giveUp();
    sink.once('close', giveUp);
    sink.once('drain', () => {
      sink.off('close', giveUp);
      resolve();
    });
  });
}

function header(name: string, size: number): Partial<Header> & Pick<Header, 'name'> {
  const fields = { name, size, mtime: entryTime, uid: 0, gid: 0, uname: '', gname: '', devmajor: 0, devminor: 0 };
  return size > ustarSizeMax ? { ...fields, pax: { size: String(size) } } : fields;
}
