/** The main context and the named ones, each opened when a step first asks for its files. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { ignoreNothing } from '../context/ignore.ts';
import type { NamedContext } from '../source/named-context.ts';
import type { Store } from '../store/store.ts';
import type { BuildRequest } from './build-request.ts';
import type { ContextObserver, ContextSource } from './context-source.ts';
import { locateContext } from './inputs.ts';
import { readIgnore } from './read-ignore.ts';
import { lazyContext, type ContextPlace } from './lazy-context.ts';
import type { InputOptions } from './read-dockerfile.ts';

export interface ContextsOptions extends InputOptions {
  readonly request: BuildRequest;
  /** Where the Dockerfile lies, whose own ignore file counts first; null for standard input. */
  readonly dockerfilePath: string | null;
  readonly named: ReadonlyMap<string, NamedContext>;
  readonly store: Store;
  readonly observerOf: (name: string) => ContextObserver;
  readonly nowNs: () => bigint;
}

export interface BuildContexts {
  /** By name; the empty name is the main one. */
  readonly byName: ReadonlyMap<string, () => Promise<ContextSource>>;
  /** Keeps what was learnt about their files for the next build. */
  save(): Promise<void>;
}

export async function openContexts(options: ContextsOptions): Promise<BuildContexts> {
  const { store, nowNs, observerOf } = options;
  const opened = new Set<Promise<ContextSource>>();
  const openers = [...(await placesOf(options))].map(([name, place]) => {
    const open = lazyContext(store, place, observerOf(name), nowNs);
    const remembering = (): Promise<ContextSource> => {
      const context = open();
      opened.add(context);
      return context;
    };
    return [name, remembering] as const;
  });
  return {
    byName: new Map(openers),
    save: async () => {
      await Promise.all([...opened].map(async (context) => (await context).close()));
    },
  };
}

async function placesOf(options: ContextsOptions): Promise<ReadonlyMap<string, ContextPlace>> {
  const { request, named, store, dockerfilePath } = options;
  const root = (await locateContext(request, options)) ?? (await mkdtemp(join(store.paths.tmp, 'empty-')));
  const ignore = options.fetched !== undefined || request.context === '-' ? () => Promise.resolve(ignoreNothing) : () => readIgnore(root, dockerfilePath);
  const places = new Map<string, ContextPlace>([['', { root, ignore, ...(options.fetched === undefined ? {} : { readDirectory: options.fetched.readDirectory }) }]]);
  for (const [name, context] of named) {
    if (context.kind === 'directory') places.set(name, { root: context.path, ignore: () => readIgnore(context.path, null) });
  }
  return places;
}
