/** The time of SOURCE_DATE_EPOCH where it is that of a context or of something that a stage adds: these are fetched for it. */
import { join } from 'node:path';
import { checkEpoch, epochName, type EpochSource } from '../graph/source-date-epoch.ts';
import type { NamedContext } from '../source/named-context.ts';
import type { FetchedTree } from './fetched-tree.ts';
import type { StepReporter } from './observer.ts';
import type { Sources } from './sources.ts';

export interface ResolveEpochOptions {
  readonly named: ReadonlyMap<string, NamedContext>;
  /** Where the main context is not a directory. */
  readonly fetched: FetchedTree | undefined;
  readonly sources: Sources;
  /** The temporary folder of the build. */
  readonly folder: string;
  readonly reporter: StepReporter;
  readonly signal: AbortSignal;
}

/**
 * Seconds since the epoch; null where nothing has a time, as a directory of the user's or an image, or none is wanted.
 * @throws TsbuildError of fetching; `EPOCH_INVALID` for a time that no config can hold
 */
export async function resolveEpoch(source: EpochSource, options: ResolveEpochOptions): Promise<number | null> {
  if (source.kind === 'none') return null;
  if (source.kind === 'seconds') return source.seconds;
  const seconds = await timeOf(source, options);
  return seconds === null ? null : checkEpoch(seconds, `the time of ${nameOf(source)}, ${seconds}`);
}

type Fetchable = Exclude<EpochSource, { kind: 'none' | 'seconds' }>;

function nameOf(source: Fetchable): string {
  if (source.kind !== 'context') return 'what the stage adds';
  return source.name === '' ? 'the context' : `the context ${source.name}`;
}

async function timeOf(source: Fetchable, options: ResolveEpochOptions): Promise<number | null> {
  if (source.kind === 'context' && source.name === '') return options.fetched?.timeSeconds ?? null;
  if (source.kind !== 'context') return observed(source, options, () => fetchAdded(source, options));
  const context = options.named.get(source.name);
  if (context?.kind !== 'remote') return null;
  return observed(source, options, () => options.sources.fetchNamed(context.url, options.signal));
}

async function observed(source: Fetchable, { reporter }: ResolveEpochOptions, fetch: () => Promise<FetchedTree>): Promise<number | null> {
  const step = reporter.describe(`[internal] resolve ${epochName} from ${nameOf(source)}`);
  reporter.started(step);
  try {
    const { timeSeconds } = await fetch();
    reporter.done(step, false);
    return timeSeconds;
  } catch (error) {
    reporter.failed(step, error);
    throw error;
  }
}

async function fetchAdded(source: Fetchable & { kind: 'git' | 'http' }, { sources, folder, signal }: ResolveEpochOptions): Promise<FetchedTree> {
  const { fetchAddress, fetchRepository } = await import('./remote-tree.ts');
  const options = { ...sources, folder: join(folder, 'epoch'), signal };
  return source.kind === 'git' ? fetchRepository(source.url, source.keepsGit, options) : fetchAddress({ what: 'ADD', ...source }, options);
}
