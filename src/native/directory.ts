/**
 * Reads trees on the host through the addon (addon/directory.cc, hash-files.cc), and decodes the entry records that the
 * sandbox process writes of views (addon/sandbox/record.h). It follows no symbolic link and caches nothing.
 */
import { availableParallelism } from 'node:os';
import { digestFromHex, type ContentDigest } from '../base/digest.ts';
import { errnoCode, TsbuildError } from '../base/errors.ts';
import { decodePath, encodePath } from '../base/path-bytes.ts';
import { showName } from '../base/show-name.ts';
import { loadAddon } from './addon.ts';
import { entryTypeOf, permissionsOf, type DirectoryEntry, type Xattrs } from './directory-entry.ts';
import { openDirectoryTable } from './directory-table.ts';
import type { FrameReader } from './encoding.ts';
import { FrameReader as Reader } from './encoding.ts';

export type { DirectoryEntry, EntryType, Xattrs } from './directory-entry.ts';

/** What `addon/directory.cc` and `addon/hash-files.cc` export. */
interface DirectoryAddon {
  readDirectory(root: Buffer, path: Buffer): ArrayBuffer;
  hashFiles(root: Buffer, paths: readonly Buffer[], threads: number): Promise<Buffer>;
}

/** What `lstat` does not tell of a file or a directory on the host. */
export interface FileContent {
  /** Null for a directory. */
  readonly digest: ContentDigest | null;
  /** `user.*` and `security.capability`. */
  readonly xattrs: Xattrs;
}

/** Reads one entry record. */
export function readEntryRecord(from: FrameReader): DirectoryEntry {
  const name = decodePath(from.bytes());
  const mode = from.u32();
  return {
    name,
    type: entryTypeOf(mode),
    mode: permissionsOf(mode),
    uid: from.u32(),
    gid: from.u32(),
    sizeBytes: Number(from.u64()),
    mtimeNs: from.i64(),
    ctimeNs: from.i64(),
    device: from.u64(),
    inode: from.u64(),
    linkCount: from.u32(),
    rdev: from.u64(),
    linkTarget: decodePath(from.bytes()),
    xattrs: readXattrs(from),
  };
}

function readXattrs(from: FrameReader): Xattrs {
  return Array.from({ length: from.u32() }, () => [decodePath(from.bytes()), Buffer.from(from.bytes())] as const);
}

/**
 * The entries of one directory below `root`, sorted by bytes; the empty path is the root itself.
 * Cost: one system call an entry. @throws Error with `code`, `syscall` and `path`
 */
export function readDirectory(root: string, path: string): readonly DirectoryEntry[] {
  return openDirectoryTable(loadAddon<DirectoryAddon>().readDirectory(encodePath(root), encodePath(path)));
}

const threadCountMax = 8;
const digestBytes = 32;
/** What the addon sends for a directory. */
const noDigest = '00'.repeat(digestBytes);

/**
 * Digests and extended attributes of regular files and directories below `root`, in the order of the paths, on threads of
 * the addon's own.
 * @throws TsbuildError `FILE_CHANGED` when one changed while it was read; an Error with `code` and `path` otherwise
 */
export async function readContents(root: string, paths: readonly string[]): Promise<readonly FileContent[]> {
  const threads = Math.min(availableParallelism(), threadCountMax);
  let packed: Buffer;
  try {
    packed = await loadAddon<DirectoryAddon>().hashFiles(encodePath(root), paths.map(encodePath), threads);
  } catch (error) {
    if (errnoCode(error) !== 'FILE_CHANGED') throw error;
    const path = error instanceof Error && 'path' in error ? String(error.path) : '';
    throw fileChangedError(path, error);
  }
  const records = new Reader(packed);
  return paths.map(() => {
    const hex = records.raw(digestBytes).toString('hex');
    return { digest: hex === noDigest ? null : digestFromHex<ContentDigest>(hex), xattrs: readXattrs(records) };
  });
}

/** The error for a file that was another one before. */
export function fileChangedError(path: string, cause: unknown): TsbuildError {
  return new TsbuildError('step', 'FILE_CHANGED', `read ${showName(path)}: it changed while it was read`, {
    hint: 'Build again when nothing writes to it.',
    cause,
    details: { path },
  });
}
