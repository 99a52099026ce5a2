/** Lists single paths of a context, included or not: why a file is missing, or there. Start at `listPaths`. */
import { posix } from 'node:path';
import { TsbuildError } from '../base/errors.ts';
import { addTotals, nothing, startWalk, visitDirectory, visitFile, walkDirectory, type ContextListing, type ListOptions, type Totals, type Walk } from './listing.ts';
import type { TreeEntry } from './tree.ts';

/**
 * One entry for each path, in the order given; paths are relative to the context, as COPY's are. A directory stands for all
 * that is below it.
 * @throws TsbuildError `CONTEXT_UNREADABLE`; `CONTEXT_PATH_LINK` where a path leads through a symbolic link; the signal's reason
 */
export async function listPaths(paths: readonly string[], options: Omit<ListOptions, 'depthMax'>): Promise<ContextListing> {
  const walk = startWalk({ ...options, read: readOnce(options.read), depthMax: 1 });
  let totals = nothing;
  for (const path of paths) totals = addTotals(totals, await listPath(walk, posix.normalize(`/${path}`).replace(/^\/|\/$/g, '')));
  return { ...walk, totals };
}

async function listPath(walk: Walk, path: string): Promise<Totals> {
  if (path === '') return listRoot(walk);
  const at = path.lastIndexOf('/');
  const parent = path.slice(0, Math.max(0, at));
  const name = path.slice(at + 1);
  const scope = walk.ignore.scopeOf(parent);
  const entry = findEntry(walk, parent, name);
  if (entry === undefined) {
    walk.entries.push({ path, type: 'missing', sizeBytes: 0, isIncluded: false, rule: walk.ignore.ruleIn(scope, name) });
    return nothing;
  }
  const directory = { path: parent, scope, depth: 1, isTold: false };
  return entry.type === 'directory' ? visitDirectory(walk, directory, entry) : visitFile(walk, directory, entry);
}

async function listRoot(walk: Walk): Promise<Totals> {
  const at = walk.entries.length;
  const totals = await walkDirectory(walk, { path: '', scope: walk.ignore.scopeOf(''), depth: walk.depthMax + 1, isTold: false });
  walk.entries[at] = { path: '', type: 'directory', sizeBytes: totals.sizeBytes, isIncluded: true, rule: null };
  return totals;
}

/** @throws TsbuildError where the directory cannot be read, though it is there */
function findEntry(walk: Walk, parent: string, name: string): TreeEntry | undefined {
  try {
    return walk.read(parent).find((entry) => entry.name === name);
  } catch (error) {
    if (!(error instanceof TsbuildError) || error.code !== 'CONTEXT_UNREADABLE') throw error;
    const { errno } = error.details;
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
    if (errno !== 'ELOOP') throw error;
    throw new TsbuildError('usage', 'CONTEXT_PATH_LINK', `context: ${parent}/${name}: leads through a symbolic link`, { hint: 'Name the path behind the link.' });
  }
}

/** Many paths are often in few directories. */
function readOnce(read: ListOptions['read']): ListOptions['read'] {
  const directories = new Map<string, readonly TreeEntry[]>();
  return (path) => {
    const entries = directories.get(path) ?? read(path);
    directories.set(path, entries);
    return entries;
  };
}
