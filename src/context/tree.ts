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
  /** Entries of a directory in byte order, ignored ones included. */
  list(path: string): readonly TreeEntry[];
  /** One of them. */
  find(directory: string, name: string): TreeEntry | undefined;
}

/** Opens a context; nothing is read yet. */
export function openContextTree(root: string, ignore: Ignore, read: DirectoryReader): ContextTree {
  const lists = remember((path) => sortEntries(read(path)));
  // A walk asks for no name: it is spared the maps.
  const names = remember((path) => new Map(lists(path).map((entry) => [entry.name, entry])));
  return { root, ignoreFile: ignore.file, ignore: openIgnore(ignore), list: lists, find: (directory, name) => names(directory).get(name) };
}

/** What is made of each directory once. */
function remember<T extends object>(make: (directory: string) => T): (directory: string) => T {
  const known = new Map<string, T>();
  return (directory) => {
    const one = known.get(directory) ?? make(directory);
    known.set(directory, one);
    return one;
  };
}

/** By bytes, which is how the addon lists them: then they stay what they are. */
function sortEntries(entries: readonly TreeEntry[]): readonly TreeEntry[] {
  const isSorted = entries.every((entry, at) => at === 0 || comparePaths(entries[at - 1]?.name ?? '', entry.name) < 0);
  return isSorted ? entries : [...entries].sort((a, b) => comparePaths(a.name, b.name));
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
  const scope = tree.ignore.scopeOf(directory);
  for (const entry of tree.list(directory)) {
    const path = scope.prefix + entry.name;
    const ignored = tree.ignore.ruleIn(scope, entry.name)?.isException === false;
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
