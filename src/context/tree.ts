/**
 * A directory given by the user, as COPY sees it: entries by path, without what the ignore file names. Directories are
 * read when they are first asked for, once a build. It follows no symbolic link by itself. Start at `openContextTree`.
 */
import { comparePaths } from '../base/path-bytes.ts';
import type { DirectoryEntry } from '../native/directory.ts';
import type { Ignore } from './ignore.ts';
import { openIgnore, type OpenIgnore } from './open-ignore.ts';

export type { EntryType } from '../native/directory.ts';

/** One entry as a context counts it: neither its owner nor its extended attributes do (SEMANTICS A6, 59). */
export type TreeEntry = Omit<DirectoryEntry, 'uid' | 'gid' | 'xattrs'>;

/** Reads one directory of the context; the empty path is its root. */
export type DirectoryReader = (path: string) => readonly TreeEntry[];

export interface ContextTree {
  readonly root: string;
  /** The ignore file's name, for messages; null when there is none. */
  readonly ignoreFile: string | null;
  readonly ignore: OpenIgnore;
  /** Entries of a directory by name in byte order, ignored ones included. */
  list(path: string): ReadonlyMap<string, TreeEntry>;
}

/** Opens a context; nothing is read yet. */
export function openContextTree(root: string, ignore: Ignore, read: DirectoryReader): ContextTree {
  const directories = new Map<string, ReadonlyMap<string, TreeEntry>>();
  return {
    root,
    ignoreFile: ignore.file,
    ignore: openIgnore(ignore),
    list(path) {
      const known = directories.get(path);
      if (known !== undefined) return known;
      const sorted = [...read(path)].sort((a, b) => comparePaths(a.name, b.name));
      const entries = new Map(sorted.map((entry) => [entry.name, entry]));
      directories.set(path, entries);
      return entries;
    },
  };
}

/** An entry with its path from the context's root. */
export interface PlacedEntry {
  readonly path: string;
  readonly entry: TreeEntry;
}

/**
 * Everything below a directory that is not ignored, parents before children, in byte order. A directory that is ignored
 * itself appears if a `!` rule takes back something in it. Directories that `enters` refuses appear, but are not read.
 */
export function* walkTree(tree: ContextTree, directory: string, enters: (path: string) => boolean = () => true): Generator<PlacedEntry> {
  for (const [name, entry] of tree.list(directory)) {
    const path = directory === '' ? name : `${directory}/${name}`;
    const ignored = tree.ignore.isIgnored(path);
    if (entry.type !== 'directory') {
      if (!ignored) yield { path, entry };
      continue;
    }
    if (!ignored) {
      yield { path, entry };
      if (enters(path)) yield* walkTree(tree, path, enters);
    } else if (tree.ignore.mayHoldExceptions(path) && enters(path)) {
      yield* walkExceptions(tree, path, entry, enters);
    }
  }
}

function* walkExceptions(tree: ContextTree, path: string, entry: TreeEntry, enters: (path: string) => boolean): Generator<PlacedEntry> {
  let announced = false;
  for (const child of walkTree(tree, path, enters)) {
    if (!announced) yield { path, entry };
    announced = true;
    yield child;
  }
}
