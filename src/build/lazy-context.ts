/** A build context on this machine, opened when the first step asks for its files. */
import { join } from 'node:path';
import { hexOf, digestOf, type ContentDigest } from '../base/digest.ts';
import type { Ignore } from '../context/ignore.ts';
import type { DirectoryReader } from '../context/tree.ts';
import { replaceFile } from '../store/durable.ts';
import type { Store } from '../store/store.ts';
import { ContextSource, type ContextObserver } from './context-source.ts';
import { readContextContents } from './read-context.ts';

/** Where a context's files are, once they are here. */
export interface ContextPlace {
  readonly root: string;
  readonly ignore: Ignore;
  readonly readDirectory: DirectoryReader;
  /** Whether it is gone after the build: nothing is worth remembering of its files. */
  readonly isTemporary: boolean;
  /** Of the reading of its files. */
  readonly observer: ContextObserver;
}

export interface LazyContextOptions {
  readonly store: Store;
  /** Called once, when the context is first asked for. */
  readonly locate: (signal: AbortSignal) => Promise<ContextPlace>;
  readonly nowNs: () => bigint;
}

/** Opens a context; the same one for everybody who asks. */
export type OpenContext = (signal: AbortSignal) => Promise<ContextSource>;

export function lazyContext({ store, locate, nowNs }: LazyContextOptions): OpenContext {
  let opened: Promise<ContextSource> | null = null;
  const openNow = async (signal: AbortSignal): Promise<ContextSource> => {
    const place = await locate(signal);
    const name = hexOf(digestOf<ContentDigest>(place.root));
    return new ContextSource({
      root: place.root,
      ignore: place.ignore,
      readDirectory: place.readDirectory,
      cacheFile: place.isTemporary ? null : join(store.paths.files, `${name}.jsonl`),
      readContents: readContextContents,
      writeFile: (path, text) => replaceFile({ path, temporary: join(store.paths.tmp, `files-${name}`), bytes: text, mode: 0o600 }),
      nowNs,
      observer: place.observer,
    });
  };
  return (signal) => (opened ??= openNow(signal));
}
