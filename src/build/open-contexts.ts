/** The main context and the named ones, each opened when a step first asks for its files. */
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { withGitModes } from '../context/git-modes.ts';
import { ignoreNothing, type Ignore } from '../context/ignore.ts';
import type { NamedContext } from '../source/named-context.ts';
import type { Store } from '../store/store.ts';
import type { BuildRequest } from './build-request.ts';
import type { ContextObserver, ContextSource } from './context-source.ts';
import { locateContext } from './inputs.ts';
import { contextReader } from './read-context.ts';
import { readIgnore } from './read-ignore.ts';
import { lazyContext, type ContextPlace, type LazyContextOptions, type OpenContext } from './lazy-context.ts';
import type { InputOptions } from './read-dockerfile.ts';
import type { Sources } from './sources.ts';

export interface ContextsOptions extends InputOptions {
  readonly request: BuildRequest;
  /** Where the Dockerfile lies, whose own ignore file counts first; null for standard input. */
  readonly dockerfilePath: string | null;
  readonly named: ReadonlyMap<string, NamedContext>;
  readonly store: Store;
  readonly observerOf: (name: string) => ContextObserver;
  readonly nowNs: () => bigint;
  readonly sources: Pick<Sources, 'fetchNamed'>;
}

export interface BuildContexts {
  /** By name; the empty name is the main one. */
  readonly byName: ReadonlyMap<string, OpenContext>;
  /** Keeps what was learnt about their files for the next build. */
  save(): Promise<void>;
}

export async function openContexts(options: ContextsOptions): Promise<BuildContexts> {
  const { store, nowNs } = options;
  const opened = new Set<Promise<ContextSource>>();
  const openers = [...(await placesOf(options))].map(([name, locate]) => {
    const open = lazyContext({ store, locate, nowNs });
    const remembering: OpenContext = (signal) => {
      const context = open(signal);
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

type Locate = LazyContextOptions['locate'];

async function placesOf(options: ContextsOptions): Promise<ReadonlyMap<string, Locate>> {
  const places = new Map<string, Locate>([['', await placeOfMain(options)]]);
  for (const [name, context] of options.named) {
    if (context.kind === 'directory') places.set(name, async () => directoryPlace(options, name, context.path, await readIgnore(context.path, null)));
    else if (context.kind === 'remote') places.set(name, placeOfRemote(options, name, context.url));
  }
  return places;
}

async function placeOfMain(options: ContextsOptions): Promise<Locate> {
  const { request, store, dockerfilePath, fetched } = options;
  const observer = options.observerOf('');
  if (fetched !== undefined) return () => Promise.resolve({ ...fetched, ignore: ignoreNothing, isTemporary: true, observer });
  const root = await locateContext(request, options);
  if (root !== null) return async () => directoryPlace(options, '', root, await readIgnore(root, dockerfilePath));
  const empty = await mkdtemp(join(store.paths.tmp, 'empty-'));
  return () => Promise.resolve({ root: empty, ignore: ignoreNothing, readDirectory: contextReader(empty), isTemporary: true, observer });
}

/** A directory of the user's: its modes are of a checkout, and so may depend on an umask. */
function directoryPlace({ request, observerOf }: ContextsOptions, name: string, root: string, ignore: Ignore): ContextPlace {
  const read = contextReader(root);
  return { root, ignore, readDirectory: request.contextModes === 'git' ? withGitModes(read) : read, isTemporary: false, observer: observerOf(name) };
}

const unseen: ContextObserver = { started: () => undefined, done: () => undefined, failed: () => undefined };

/** Fetching is what its step shows, not reading the files afterwards; no ignore file counts (SEMANTICS A6, 108). */
function placeOfRemote({ sources, observerOf }: ContextsOptions, name: string, url: string): Locate {
  return async (signal) => {
    const observer = observerOf(name);
    observer.started();
    try {
      const tree = await sources.fetchNamed(url, signal);
      observer.done();
      return { ...tree, ignore: ignoreNothing, isTemporary: true, observer: unseen };
    } catch (error) {
      observer.failed(error);
      throw error;
    }
  };
}
