/** Contexts in memory: a list of lines becomes a directory reader. Start at `treeOf`. */
import { parseIgnore } from '../../src/context/ignore.ts';
import { openContextTree, type ContextTree, type DirectoryReader, type EntryType, type TreeEntry } from '../../src/context/tree.ts';

/** Endings that say what a path is; a file where there is none. */
const endings: readonly (readonly [ending: string, type: EntryType])[] = [['/', 'directory'], ['=', 'socket'], ['|', 'fifo']];

/** An entry whose fields are not its own, as in the tables of real directories: a spread copies none of them. */
function entryOf(name: string, type: EntryType, linkTarget: string, inode: number): TreeEntry {
  const fields: TreeEntry = { name, type, mode: type === 'directory' ? 0o755 : 0o644, sizeBytes: 1, mtimeNs: 1n, ctimeNs: 1n, device: 1n, inode: BigInt(inode), linkCount: 1, rdev: 0n, linkTarget };
  return Object.create(fields) as TreeEntry;
}

/** A reader of what the lines say: `a/b`, `dir/`, `socket=`, `fifo|`, `link -> target`. It counts how often it is asked for each directory. */
export function readerOf(lines: readonly string[]): { readonly read: DirectoryReader; readonly counts: ReadonlyMap<string, number> } {
  const directories = new Map<string, Map<string, TreeEntry>>([['', new Map()]]);
  let inode = 1;
  const add = (path: string, type: EntryType, linkTarget = ''): void => {
    const at = path.lastIndexOf('/');
    const parent = path.slice(0, Math.max(0, at));
    if (!directories.has(parent)) add(parent, 'directory');
    if (type === 'directory' && !directories.has(path)) directories.set(path, new Map());
    directories.get(parent)?.set(path.slice(at + 1), entryOf(path.slice(at + 1), type, linkTarget, inode++));
  };
  for (const line of lines) {
    const [path = '', target] = line.split(' -> ');
    const ending = endings.find(([text]) => path.endsWith(text));
    if (target !== undefined) add(path, 'symlink', target);
    else if (ending === undefined) add(path, 'file');
    else add(path.slice(0, -1), ending[1]);
  }
  const counts = new Map<string, number>();
  const read = (path: string): readonly TreeEntry[] => {
    counts.set(path, (counts.get(path) ?? 0) + 1);
    const entries = directories.get(path);
    if (entries === undefined) throw new Error(`${path} is not a directory of this context`);
    return [...entries.values()].reverse();
  };
  return { read, counts };
}

/** A context with these files and ignore rules. */
export function treeOf(lines: readonly string[], ignore: readonly string[] = [], read = readerOf(lines).read): ContextTree {
  return openContextTree('/context', parseIgnore(ignore.join('\n'), '.dockerignore'), read);
}
