/**
 * Writes a root file system into an empty folder, as this user: types, modes and times are kept, owners are not.
 * It is no reader of layers: the tar must hold one merged tree, without whiteouts and with each path once.
 *
 * The tar is hostile. The folder is new and ours alone, and nothing is made but below folders that were made here; so no
 * path can lead out of it, neither by `..` nor through a link.
 */
import { chmodSync, closeSync, fchmodSync, futimesSync, linkSync, lutimesSync, mkdirSync, openSync, symlinkSync, utimesSync, writeSync } from 'node:fs';
import { extract, type Extract, type Header } from 'tar-stream';
import { errnoCode, messageOf, TsbuildError } from '../base/errors.ts';
import { writeChunksTo } from './archive.ts';

export interface UnpackOptions {
  readonly signal: AbortSignal;
  /** Hears of what cannot stand in a plain folder: devices, FIFOs. */
  readonly skipped: (name: string) => void;
}

/** Unpacks the tar. Fails with `ROOTFS_INVALID` where the tar is not one plain tree; errors of the disk come as they are. */
export async function unpackTree(tar: AsyncIterable<Uint8Array>, folder: string, options: UnpackOptions): Promise<void> {
  // Names as bytes: latin1 is the encoding of tar-stream that loses none.
  const readerOptions = { highWaterMark: 1024 * 1024, filenameEncoding: 'latin1' };
  const reader = extract(readerOptions);
  const feeding = feed(reader, tar);
  const tree = new Tree(folder, options.skipped);
  try {
    for await (const entry of reader) {
      options.signal.throwIfAborted();
      // streamx does not say what it streams; the content of an entry is bytes.
      await tree.add(entry.header, entry as AsyncIterable<Uint8Array>);
    }
    tree.finish();
  } finally {
    reader.destroy();
    await feeding;
  }
}

/** Never rejects: a failure ends the reader with its error. */
async function feed(reader: Extract, tar: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    await writeChunksTo(reader, tar);
  } catch (error) {
    reader.destroy(error instanceof Error ? error : new Error(messageOf(error)));
  }
}

/** What was made so far. Paths are latin1 strings, relative, without `.` and empty parts. */
class Tree {
  readonly #folder: string;
  readonly #skipped: (name: string) => void;
  /** Each folder with the mode and time that it gets at the end, null where the tar does not say. */
  readonly #folders = new Map<string, Header | null>([['', null]]);
  readonly #files = new Set<string>();

  constructor(folder: string, skipped: (name: string) => void) {
    this.#folder = folder;
    this.#skipped = skipped;
  }

  /** Makes one entry. What is there already is no folder of ours: a link, or a path that stands twice. */
  async add(header: Header, content: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      await this.#make(header, content);
    } catch (error) {
      throw errnoCode(error) === 'EEXIST' ? invalid(header.name, 'something else stands there') : error;
    }
  }

  /** Synchronous but for the content: many small calls would spend their time in the thread pool. */
  async #make(header: Header, content: AsyncIterable<Uint8Array>): Promise<void> {
    const path = this.#pathOf(header.name, hasPax(header, 'path'));
    if (path !== '') this.#makeFolders(parentOf(path));
    switch (header.type) {
      case 'directory':
        this.#addFolder(path, header);
        break;
      case 'file':
      case 'contiguous-file':
        await this.#addFile(path, header, content);
        return;
      case 'symlink':
        symlinkSync(bytesOf(header.linkname, hasPax(header, 'linkpath')), this.#absolute(path));
        lutimesSync(this.#absolute(path), header.mtime, header.mtime);
        break;
      case 'link':
        this.#addLink(path, this.#pathOf(header.linkname, hasPax(header, 'linkpath')));
        break;
      default:
        this.#skipped(path);
    }
    for await (const chunk of content) void chunk;
  }

  /** Folders get modes and times last: one may be read-only, and each new entry changes its folder's time. */
  finish(): void {
    for (const [path, header] of [...this.#folders].reverse()) {
      if (path === '' || header === null) continue;
      utimesSync(this.#absolute(path), header.mtime, header.mtime);
      chmodSync(this.#absolute(path), header.mode & 0o7777);
    }
  }

  #addFolder(path: string, header: Header): void {
    if (this.#files.has(path)) throw invalid(path, 'it stands twice');
    this.#makeFolders(path);
    this.#folders.set(path, header);
  }

  #makeFolders(path: string): void {
    if (this.#folders.has(path)) return;
    this.#makeFolders(parentOf(path));
    // Fails on anything that is there, links included.
    mkdirSync(this.#absolute(path), { mode: 0o755 });
    this.#folders.set(path, null);
  }

  async #addFile(path: string, header: Header, content: AsyncIterable<Uint8Array>): Promise<void> {
    const fd = openSync(this.#absolute(path), 'wx', 0o600);
    try {
      for await (const chunk of content) {
        for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
      }
      fchmodSync(fd, header.mode & 0o7777);
      futimesSync(fd, header.mtime, header.mtime);
    } finally {
      closeSync(fd);
    }
    this.#files.add(path);
  }

  #addLink(path: string, target: string): void {
    if (!this.#files.has(target)) throw invalid(path, 'it is a hard link to what is no file of the tree');
    linkSync(this.#absolute(target), this.#absolute(path));
    this.#files.add(path);
  }

  #pathOf(name: string, isText: boolean): string {
    const parts = bytesOf(name, isText).toString('latin1').split('/').filter((part) => part !== '' && part !== '.');
    if (parts.includes('..')) throw invalid(name, 'it leads upwards');
    return parts.join('/');
  }

  #absolute(path: string): Buffer {
    return Buffer.concat([Buffer.from(`${this.#folder}/`), Buffer.from(path, 'latin1')]);
  }
}

/** Values of PAX records are UTF-8, also where the header is latin1. */
function bytesOf(text: string, isText: boolean): Buffer {
  return Buffer.from(text, isText ? 'utf8' : 'latin1');
}

function hasPax({ pax }: Header, key: string): boolean {
  return typeof pax === 'object' && pax !== null && key in pax;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function invalid(path: string, cause: string): TsbuildError {
  return new TsbuildError('step', 'ROOTFS_INVALID', `write root file system: entry ${JSON.stringify(path)}: ${cause}`);
}
