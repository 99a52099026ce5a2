/** A build context on this machine, opened when the first step asks for its files. */
import { join } from 'node:path';
import { hexOf, digestOf, type ContentDigest } from '../base/digest.ts';
import type { Ignore } from '../context/ignore.ts';
import type { DirectoryReader } from '../context/tree.ts';
import { readContents, readDirectory } from '../native/directory.ts';
import { replaceFile } from '../store/durable.ts';
import type { Store } from '../store/store.ts';
import { ContextSource, type ContextObserver } from './context-source.ts';

export interface ContextPlace {
  readonly root: string;
  readonly ignore: () => Promise<Ignore>;
  /** The addon's unless given. */
  readonly readDirectory?: DirectoryReader;
}

/** Opens a context once, when first asked. */
export function lazyContext(store: Store, place: ContextPlace, observer: ContextObserver, nowNs: () => bigint): () => Promise<ContextSource> {
  let opened: Promise<ContextSource> | null = null;
  const openNow = async (): Promise<ContextSource> => {
    const name = hexOf(digestOf<ContentDigest>(place.root));
    return new ContextSource({
      root: place.root,
      ignore: await place.ignore(),
      readDirectory: place.readDirectory ?? ((path) => readDirectory(place.root, path)),
      cacheFile: join(store.paths.files, `${name}.jsonl`),
      readContents,
      writeFile: (path, text) => replaceFile({ path, temporary: join(store.paths.tmp, `files-${name}`), bytes: text, mode: 0o600 }),
      nowNs,
      observer,
    });
  };
  return () => (opened ??= openNow());
}
