/**
 * What `tsbuild context` tells: the paths of a context that COPY could see, those that it could not and why, and what
 * seldom belongs into an image. It opens no store and reads no contents but the heads of suspect files.
 */
import { relative, resolve } from 'node:path';
import { TsbuildError } from '../base/errors.ts';
import { listPaths } from '../context/list-paths.ts';
import { listContext, listedEntryCountMax, type ContextListing, type ListedEntry, type Totals } from '../context/listing.ts';
import { openIgnore } from '../context/open-ignore.ts';
import { isDirectoryContext, locateContext } from './inputs.ts';
import { contextReader } from './read-context.ts';
import { exists, findDockerfile } from './read-dockerfile.ts';
import { readIgnore } from './read-ignore.ts';
import { warnOfSuspects, type ContextWarning } from './suspect-warnings.ts';

export interface ContextRequest {
  /** A directory, relative to the working directory. */
  readonly context: string;
  /** Of the Dockerfile, whose own ignore file counts first; null for the usual names. */
  readonly file: string | null;
  /** Only these, relative to the context; all if there is none. */
  readonly paths: readonly string[];
  /** Entries so many names deep are listed; null for all. */
  readonly depthMax: number | null;
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
 * one that was named, and what reading the ignore file throws
 */
export async function describeContext(request: ContextRequest, { workingDirectory, signal }: { readonly workingDirectory: string; readonly signal: AbortSignal }): Promise<ContextReport> {
  const root = isDirectoryContext(request) ? await locateContext(request, { workingDirectory }) : null;
  if (root === null) {
    throw new TsbuildError('usage', 'CONTEXT_NOT_LISTED', `context: ${request.context}: only a directory can be listed`, { hint: 'Clone, download or unpack it first, and give the directory.' });
  }
  const ignore = await readIgnore(root, await dockerfileOf(request, workingDirectory));
  const options = { read: contextReader(root), ignore: openIgnore(ignore), signal };
  const listing = request.paths.length > 0 ? await listPaths(request.paths, options) : await listContext({ ...options, depthMax: request.depthMax ?? Infinity });
  const warnings = [...listingWarnings(listing), ...(await warnOfSuspects(root, listing.suspects, signal))];
  return { entries: listing.entries, totals: listing.totals, ignoreFile: ignore.file === null ? null : nameOf(ignore.file, workingDirectory), warnings };
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
