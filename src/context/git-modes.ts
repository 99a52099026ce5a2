/**
 * Modes as git knows them: a file can be executed or not, and nothing else is said of it. So trees that were checked out
 * under different umasks are the same. It reads nothing by itself. Start at `withGitModes`.
 */
import type { DirectoryReader, TreeEntry } from './tree.ts';

/** The same entries, files 0644 or, where their owner may execute them, 0755, directories 0755 (SEMANTICS A6, 75). */
export function withGitModes(read: DirectoryReader): DirectoryReader {
  return (path) => read(path).map((entry) => withMode(entry, modeOf(entry)));
}

function withMode({ name, type, sizeBytes, mtimeNs, ctimeNs, device, inode, linkCount, rdev, linkTarget }: TreeEntry, mode: number): TreeEntry {
  return { name, type, mode, sizeBytes, mtimeNs, ctimeNs, device, inode, linkCount, rdev, linkTarget };
}

function modeOf({ type, mode }: TreeEntry): number {
  if (type === 'symlink') return 0o777;
  return type === 'directory' || (mode & 0o100) !== 0 ? 0o755 : 0o644;
}
