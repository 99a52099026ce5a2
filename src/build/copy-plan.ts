/**
 * What a COPY or ADD is going to write, entry by entry: from the selected files, the mode and the owner that they will
 * land with. The same data makes the content key, so that a key holds what decides the result and nothing else.
 */
import { digestOf, type ContentDigest, type DiffID } from '../base/digest.ts';
import { canonicalJson, type JsonValue } from '../base/canonical.ts';
import { applyMode, parseMode, type Mode } from '../dockerfile/mode.ts';
import { encodePath } from '../base/path-bytes.ts';
import type { FileContent, Xattrs } from '../context/digests.ts';
import type { Match, SelectedEntry, SelectOptions } from '../context/select.ts';
import type { TreeEntry } from '../context/tree.ts';
import type { CopyOperation, CopySource } from '../graph/vertex.ts';

/** Where entries are read from. */
export type CopyOrigin =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'layers'; readonly layers: readonly DiffID[] };

/** Owner of what is copied: given, or the source's own. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** One entry, as it will land. */
export interface CopyEntry {
  readonly sourcePath: string;
  /** Below the destination; empty for a single file. */
  readonly path: string;
  readonly type: TreeEntry['type'];
  readonly mode: number;
  readonly owner: Owner;
  readonly source: TreeEntry;
  readonly linkGroup: number;
  /** Extended attributes; of files in layers they are taken as they are there. */
  readonly xattrs: 'source' | Xattrs;
  /** A directory that is there only for what is in it: where one stands at its place, that one's owner stays. */
  readonly isImplied: boolean;
}

/** One match of one source. */
export interface CopyItem {
  readonly origin: CopyOrigin;
  /** A single entry that is not a directory; else the contents of a directory. */
  readonly isSingle: boolean;
  /** The name that a single entry gets in a directory. */
  readonly name: string;
  /** Of a source directory, where it is known: the destination gets it where times are kept (SEMANTICS A6, 63b). */
  readonly mtimeNs: bigint | null;
  readonly entries: readonly CopyEntry[];
  /** It is unpacked if it is an archive. */
  readonly unpacks?: boolean;
}

/** How entries land. */
export interface Landing {
  readonly mode: Mode | null;
  /** Null keeps the owner that the source has. */
  readonly owner: Owner | null;
}

/** What of a source's directories an operation takes. */
export function selectOptions({ excludes }: CopyOperation, { include }: Extract<CopySource, { readonly kind: 'path' }>): SelectOptions {
  return { excludes, ...(include === undefined ? {} : { include }) };
}

/** The landing that an operation asks for, its owner already looked up. */
export function landingOf(operation: CopyOperation, owner: Owner | null): Landing {
  return { mode: operation.mode === null ? null : parseMode(operation.mode), owner };
}

/** Mode of directories that are made on the way to the destination: BuildKit's mkdir knows no set-id bits (SEMANTICS A6, 62). */
export function parentMode({ mode }: Landing): number {
  return mode?.kind === 'octal' ? mode.mode & 0o777 : 0o755;
}

/** The items of the matches of one source. `ownerOf` tells the owner that a source entry has by itself. */
export function planItems(origin: CopyOrigin, matches: readonly Match[], landing: Landing, ownerOf: (entry: TreeEntry) => Owner): readonly CopyItem[] {
  return matches.map((match) => {
    const { entry } = match;
    const isSingle = entry !== null && entry.type !== 'directory';
    const placed: readonly SelectedEntry[] = isSingle ? [{ path: '', entry }] : match.children;
    const groups = linkGroups(placed);
    const entries = placed.map(({ path, entry: source, isImplied = false }): CopyEntry => ({
      sourcePath: joinPath(match.path, path),
      path,
      type: source.type,
      mode: landing.mode === null || source.type === 'symlink' ? source.mode : applyMode(landing.mode, source.mode, source.type === 'directory'),
      owner: landing.owner ?? ownerOf(source),
      source,
      linkGroup: source.type === 'file' ? (groups.get(fileID(source)) ?? 0) : 0,
      xattrs: origin.kind === 'layers' ? 'source' : [],
      isImplied,
    }));
    return { origin, isSingle, name: match.name, mtimeNs: entry?.mtimeNs ?? null, entries };
  });
}

function joinPath(base: string, path: string): string {
  if (path === '') return base;
  return base === '' ? path : `${base}/${path}`;
}

function fileID({ device, inode }: TreeEntry): string {
  return `${device} ${inode}`;
}

/**
 * Numbers, by first appearance, of the regular files that have at least two names among the entries: a file that is linked
 * from outside is like any other. Links are kept within one match, and of regular files only, as by BuildKit's copier
 * (SEMANTICS A6, 68).
 */
function linkGroups(placed: readonly SelectedEntry[]): ReadonlyMap<string, number> {
  const names = new Map<string, number>();
  for (const { entry } of placed) if (entry.type === 'file' && entry.linkCount > 1) names.set(fileID(entry), (names.get(fileID(entry)) ?? 0) + 1);
  const shared = [...names].filter(([, count]) => count > 1);
  return new Map(shared.map(([id], index) => [id, index + 1]));
}

/** The digest of what the items will write: path, type, mode, owner, attributes and content; not mtime. */
export function digestItems(items: readonly CopyItem[], contents: ReadonlyMap<string, FileContent>): ContentDigest {
  return digestOf<ContentDigest>(items.map((item) => `${encodeItem(item, contents)}\n`).join(''));
}

function encodeItem(item: CopyItem, contents: ReadonlyMap<string, FileContent>): string {
  const entries = item.entries.map((entry): JsonValue => {
    const { source } = entry;
    const content = source.type === 'file' ? (contents.get(entry.sourcePath)?.digest ?? null) : null;
    const device = source.type === 'character' || source.type === 'block' ? String(source.rdev) : null;
    const xattrs = entry.xattrs === 'source' ? null : entry.xattrs.map(([name, value]) => [encodePath(name).toString('hex'), Buffer.from(value).toString('hex')]);
    const implied = entry.isImplied ? source.mode : null;
    return [entry.path, entry.type, entry.mode, entry.owner.uid, entry.owner.gid, content, source.linkTarget, device, entry.linkGroup, xattrs, implied];
  });
  return canonicalJson([item.isSingle, item.name, entries]);
}
