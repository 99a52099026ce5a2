/**
 * Lists a context as COPY could see it: each path with its size, and the ignore rule that decided about it. One pass over
 * the directories that COPY might look into; no file is opened. Start at `listContext`; `list-paths.ts` asks for single paths.
 */
import { setImmediate } from 'node:timers/promises';
import { TsbuildError } from '../base/errors.ts';
import { comparePaths } from '../base/path-bytes.ts';
import type { EntryType } from '../native/directory.ts';
import type { IgnoreRule } from './ignore.ts';
import type { IgnoreScope, OpenIgnore } from './open-ignore.ts';
import { suspectDirectory, suspectFile, type Suspicion } from './suspects.ts';
import type { DirectoryReader, TreeEntry } from './tree.ts';

/** More entries than this are counted, but not kept. */
export const listedEntryCountMax = 1_000_000;
/** Between so many directories other work gets a turn, above all an interruption. */
const directoriesPerTurn = 256;

/** One path of the context. */
export interface ListedEntry {
  /** From the context's root, which is the empty path itself. */
  readonly path: string;
  /** `missing`: it was asked for by name, and is not there. */
  readonly type: EntryType | 'missing';
  /** Of a file; of a directory all that is included below it; else 0. */
  readonly sizeBytes: number;
  /** Whether COPY could see it: an ignored directory too, where a `!` rule takes back something in it. */
  readonly isIncluded: boolean;
  /** The rule that counts for it; null where none matches. */
  readonly rule: IgnoreRule | null;
}

/** Something to be told of a path that is included. */
export interface Suspect {
  readonly path: string;
  readonly suspicion: Suspicion;
  /** As in the listing. */
  readonly sizeBytes: number;
  readonly device: bigint;
  readonly inode: bigint;
}

/** What is included. */
export interface Totals {
  readonly fileCount: number;
  readonly directoryCount: number;
  readonly sizeBytes: number;
}

export interface ContextListing {
  /** Parents before children; names in byte order, those of directories with their `/`. */
  readonly entries: readonly ListedEntry[];
  readonly totals: Totals;
  readonly suspects: readonly Suspect[];
  /** Directories that could not be read. */
  readonly unreadable: readonly TsbuildError[];
  /** Whether there were more entries than are kept. */
  readonly isCut: boolean;
}

export interface ListOptions {
  readonly read: DirectoryReader;
  readonly ignore: OpenIgnore;
  readonly signal: AbortSignal;
  /** Entries so many names below the start are listed; those below only count. */
  readonly depthMax: number;
}

/** A walk under way: what it has found so far. */
export interface Walk extends ListOptions {
  readonly entries: ListedEntry[];
  readonly suspects: Suspect[];
  readonly unreadable: TsbuildError[];
  directoryCount: number;
  isCut: boolean;
}

/** Where a walk is. */
export interface WalkedDirectory {
  readonly path: string;
  readonly scope: IgnoreScope;
  readonly depth: number;
  /** Below a directory that is told as a whole. */
  readonly isTold: boolean;
}

/** Of nothing. */
export const nothing: Totals = { fileCount: 0, directoryCount: 0, sizeBytes: 0 };

/**
 * Lists the whole context. A directory that cannot be read is told in the listing.
 * @throws TsbuildError `CONTEXT_UNREADABLE` for the root; the signal's reason
 */
export async function listContext(options: ListOptions): Promise<ContextListing> {
  const walk = startWalk(options);
  const totals = await walkDirectory(walk, { path: '', scope: options.ignore.scopeOf(''), depth: 1, isTold: false });
  const [first] = walk.unreadable;
  if (first?.details['path'] === '') throw first;
  return { ...walk, totals };
}

/** A walk that has found nothing yet. */
export function startWalk(options: ListOptions): Walk {
  return { ...options, entries: [], suspects: [], unreadable: [], directoryCount: 0, isCut: false };
}

/** Lists what is in a directory. */
export async function walkDirectory(walk: Walk, directory: WalkedDirectory): Promise<Totals> {
  if (walk.directoryCount++ % directoriesPerTurn === 0) await setImmediate();
  walk.signal.throwIfAborted();
  let totals = nothing;
  for (const entry of readSorted(walk, directory.path)) {
    totals = addTotals(totals, entry.type === 'directory' ? await visitDirectory(walk, directory, entry) : visitFile(walk, directory, entry));
  }
  return totals;
}

function readSorted(walk: Walk, path: string): readonly TreeEntry[] {
  try {
    return [...walk.read(path)].sort((a, b) => comparePaths(sortKey(a), sortKey(b)));
  } catch (error) {
    if (!(error instanceof TsbuildError) || error.code !== 'CONTEXT_UNREADABLE') throw error;
    walk.unreadable.push(error);
    return [];
  }
}

// With its `/` a directory stands where its children do: the paths as printed are in byte order.
function sortKey({ name, type }: TreeEntry): string {
  return type === 'directory' ? `${name}/` : name;
}

/** Both together. */
export function addTotals(a: Totals, b: Totals): Totals {
  return { fileCount: a.fileCount + b.fileCount, directoryCount: a.directoryCount + b.directoryCount, sizeBytes: a.sizeBytes + b.sizeBytes };
}

/** Lists what is no directory. A socket counts: it lands as an empty file. */
export function visitFile(walk: Walk, { path: parent, scope, depth, isTold }: WalkedDirectory, entry: TreeEntry): Totals {
  const path = joinPath(parent, entry.name);
  const rule = walk.ignore.ruleIn(scope, entry.name);
  const isIncluded = rule?.isException !== false;
  const sizeBytes = entry.type === 'file' ? entry.sizeBytes : 0;
  keep(walk, depth, { path, type: entry.type, sizeBytes, isIncluded, rule });
  if (!isIncluded) return nothing;
  if (!isTold) for (const suspicion of suspectFile(path, entry)) walk.suspects.push({ path, suspicion, sizeBytes: entry.sizeBytes, device: entry.device, inode: entry.inode });
  return { fileCount: 1, directoryCount: 0, sizeBytes };
}

/** Lists a directory and what is below it; one that is ignored as a whole is one entry. */
export async function visitDirectory(walk: Walk, { path: parent, scope, depth, isTold }: WalkedDirectory, entry: TreeEntry): Promise<Totals> {
  const path = joinPath(parent, entry.name);
  const rule = walk.ignore.ruleIn(scope, entry.name);
  const isIgnored = rule?.isException === false;
  const listed = { path, type: entry.type, rule };
  const at = walk.entries.length;
  keep(walk, depth, { ...listed, sizeBytes: 0, isIncluded: false });
  if (isIgnored && !walk.ignore.mayHoldExceptions(path)) return nothing;
  const suspicion = isTold ? null : suspectDirectory(entry.name);
  const below = await walkDirectory(walk, { path, scope: walk.ignore.enter(scope, entry.name), depth: depth + 1, isTold: isTold || suspicion !== null });
  if (isIgnored && below.fileCount + below.directoryCount === 0) {
    // No `!` rule met anything here.
    walk.entries.length = Math.min(walk.entries.length, at + 1);
    return nothing;
  }
  if (at < walk.entries.length) walk.entries[at] = { ...listed, sizeBytes: below.sizeBytes, isIncluded: true };
  if (suspicion !== null) walk.suspects.push({ path, suspicion, sizeBytes: below.sizeBytes, device: entry.device, inode: entry.inode });
  return addTotals(below, { ...nothing, directoryCount: 1 });
}

function keep(walk: Walk, depth: number, entry: ListedEntry): void {
  if (depth > walk.depthMax) return;
  if (walk.entries.length < listedEntryCountMax) walk.entries.push(entry);
  else walk.isCut = true;
}

function joinPath(parent: string, name: string): string {
  return parent === '' ? name : `${parent}/${name}`;
}
