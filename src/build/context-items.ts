/** What COPY and ADD take of a context: the plan of its files, with their contents' digests and extended attributes. */
import type { ContentDigest } from '../base/digest.ts';
import { TsbuildError } from '../base/errors.ts';
import { selectSources, type SelectOptions } from '../context/select.ts';
import type { ContextSource } from './context-source.ts';
import { digestItems, planItems, type CopyItem, type Landing } from './copy-plan.ts';
import type { BuildEnvironment } from './environment.ts';

/** Files of a context belong to root, whoever checked them out (SEMANTICS A6, 59). */
const root = { uid: 0, gid: 0 };

export interface ContextItems {
  readonly items: readonly CopyItem[];
  /** Of what they will write. */
  readonly digest: ContentDigest;
}

/** The context with this name; the empty name is the main one. */
async function openContext(environment: BuildEnvironment, name: string, signal: AbortSignal): Promise<ContextSource> {
  const open = environment.contexts.get(name);
  if (open === undefined) throw new TsbuildError('bug', 'CONTEXT_UNKNOWN', `the plan names a context ${JSON.stringify(name)} that was not given`);
  return open(signal);
}

/** What of a context is meant, and how it lands. */
export interface ContextRequest {
  /** The empty name is the main one's. */
  readonly name: string;
  readonly pattern: string;
  readonly options: SelectOptions;
  readonly landing: Landing;
  readonly signal: AbortSignal;
}

/** @throws TsbuildError as of `selectSources`; `FILE_CHANGED`; of fetching a context that lies elsewhere */
export async function planFromContext(environment: BuildEnvironment, { name, pattern, options, landing, signal }: ContextRequest): Promise<ContextItems> {
  const context = await openContext(environment, name, signal);
  const matches = selectSources(context.tree, pattern, options);
  const planned = planItems({ kind: 'directory', path: context.tree.root }, matches, landing, () => root);
  const contents = await context.digest(planned.flatMap((item) => item.entries.map(({ sourcePath, source }) => ({ path: sourcePath, entry: source }))));
  const items = planned.map((item) => ({
    ...item,
    entries: item.entries.map((entry) => ({ ...entry, xattrs: contents.get(entry.sourcePath)?.xattrs ?? [] })),
  }));
  return { items, digest: digestItems(items, contents) };
}
