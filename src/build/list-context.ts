/**
 * What `tsbuild context` tells: the paths of a context that COPY could see, those that it could not and why, and what
 * seldom belongs into an image. It reads no contents but the heads of suspect files, and opens a store only to fetch a context.
 */
import { relative, resolve } from 'node:path';
import { invariant, TsbuildError } from '../base/errors.ts';
import { ignoreNothing } from '../context/ignore.ts';
import { listPaths } from '../context/list-paths.ts';
import { listContext, listedEntryCountMax, type ContextListing, type ListedEntry, type ListOptions, type Totals } from '../context/listing.ts';
import { openIgnore } from '../context/open-ignore.ts';
import type { FetchedTree } from './fetched-tree.ts';
import { isDirectoryContext, locateContext } from './inputs.ts';
import { contextReader } from './read-context.ts';
import { exists, findDockerfile, type InputOptions } from './read-dockerfile.ts';
import { readIgnore } from './read-ignore.ts';
import { warnOfSuspects, type ContextWarning } from './suspect-warnings.ts';
import type { SourcePorts } from './with-sources.ts';

export interface ContextRequest {
  /** A directory, relative to the working directory; an address, or `-` for an archive on standard input. */
  readonly context: string;
  /** Of the Dockerfile, whose own ignore file counts first; null for the usual names. */
  readonly file: string | null;
  /** Only these, relative to the context; all if there is none. */
  readonly paths: readonly string[];
  /** Entries so many names deep are listed; null for all. */
  readonly depthMax: number | null;
  /** For what must be fetched; absolute. */
  readonly storeRoot: string;
}

export interface ContextReport {
  readonly entries: readonly ListedEntry[];
  readonly totals: Totals;
  /** Where the rules stand, relative to the working directory unless it is outside; null where there are none. */
  readonly ignoreFile: string | null;
  readonly warnings: readonly ContextWarning[];
}

/**
 * @throws TsbuildError `CONTEXT_NOT_LISTED`, `CONTEXT_MISSING`, `CONTEXT_UNREADABLE`, `CONTEXT_PATH_LINK`, `DOCKERFILE_MISSING` for
 * one that was named, what reading the ignore file throws, and what fetching does
 */
export async function describeContext(request: ContextRequest, ports: InputOptions & SourcePorts): Promise<ContextReport> {
  if (!isDirectoryContext(request)) return (await import('./while-fetched.ts')).withFetchedFiles(request, ports, (tree) => describeFetched(request, tree, ports));
  const root = await locateContext(request, ports);
  invariant(root !== null, 'a directory has a place');
  const ignore = await readIgnore(root, await dockerfileOf(request, ports.workingDirectory));
  const ignoreFile = ignore.file === null ? null : nameOf(ignore.file, ports.workingDirectory);
  return { ...(await list(request, { root, read: contextReader(root), ignore: openIgnore(ignore) }, ports.signal)), ignoreFile };
}

/** No ignore file counts in what is elsewhere (SEMANTICS A6, 108). */
async function describeFetched(request: ContextRequest, { root, readDirectory }: FetchedTree, { signal }: SourcePorts): Promise<ContextReport> {
  return { ...(await list(request, { root, read: readDirectory, ignore: openIgnore(ignoreNothing) }, signal)), ignoreFile: null };
}

interface Place extends Omit<ListOptions, 'signal' | 'depthMax'> {
  readonly root: string;
}

async function list({ paths, depthMax }: ContextRequest, { root, ...options }: Place, signal: AbortSignal): Promise<Omit<ContextReport, 'ignoreFile'>> {
  const listing = paths.length > 0 ? await listPaths(paths, { ...options, signal }) : await listContext({ ...options, signal, depthMax: depthMax ?? Infinity });
  return { entries: listing.entries, totals: listing.totals, warnings: [...listingWarnings(listing), ...(await warnOfSuspects(root, listing.suspects, signal))] };
}

/** A misspelt name would let the wrong ignore file count. */
async function dockerfileOf(request: ContextRequest, workingDirectory: string): Promise<string | null> {
  if (request.file === '-') return null;
  const found = await findDockerfile(request, { workingDirectory });
  if (found === null || (await exists(found.path))) return found?.path ?? null;
  throw new TsbuildError('usage', 'DOCKERFILE_MISSING', `context: ${found.name}: no such file or directory`, { hint: 'Name the Dockerfile with -f FILE; the path is relative to the current directory.' });
}

function nameOf(file: string, workingDirectory: string): string {
  const name = relative(resolve(workingDirectory), file);
  return name.startsWith('../') ? file : name;
}

function listingWarnings({ unreadable, isCut }: ContextListing): readonly ContextWarning[] {
  const warnings = unreadable.map(({ code, message, details }) => ({ code, path: String(details['path']), text: message }));
  if (!isCut) return warnings;
  return [...warnings, { code: 'CONTEXT_LIST_CUT', path: '', text: `only the first ${listedEntryCountMax} entries are listed; the sizes count all: give --depth, or a path` }];
}
