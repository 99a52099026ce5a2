/** What `lstat` says of one entry of a directory. It reads nothing: `directory.ts` and the sandbox process's views do. */

export type EntryType = 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'character' | 'block';

/**
 * One entry as `lstat` sees it; names in the form of base/path-bytes.ts, times in nanoseconds since the epoch. It may be a
 * view of packed numbers (directory-table.ts): read its fields by name, a spread copies none.
 */
export interface DirectoryEntry {
  readonly name: string;
  readonly type: EntryType;
  /** Permission bits, without the type. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly device: bigint;
  readonly inode: bigint;
  readonly linkCount: number;
  readonly rdev: bigint;
  /** Of a symbolic link, else empty. */
  readonly linkTarget: string;
  /** Extended attributes that belong into a layer. Empty for trees on the host: `readContents` has theirs. */
  readonly xattrs: Xattrs;
}

/** Extended attributes, by name in byte order. */
export type Xattrs = readonly (readonly [name: string, value: Uint8Array])[];

/** Type bits of `st_mode` (inode(7)). */
const types: Readonly<Record<number, EntryType>> = {
  0o01: 'fifo',
  0o02: 'character',
  0o04: 'directory',
  0o06: 'block',
  0o10: 'file',
  0o12: 'symlink',
  0o14: 'socket',
};

/** The type in a `st_mode`. */
export function entryTypeOf(mode: number): EntryType {
  return types[mode >> 12] ?? 'file';
}

/** Its permission bits. */
export function permissionsOf(mode: number): number {
  return mode & 0o7777;
}
