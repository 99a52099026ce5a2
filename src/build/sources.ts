/** What one build brings here from elsewhere, each thing once: files behind addresses, repositories, trees for named contexts. */
import { join } from 'node:path';
import type { RegistryConfigSources } from '../registry/load-config.ts';
import { createRepositories, type Repositories } from '../source/git/repositories.ts';
import { createDownloads, type Downloads } from '../source/http/downloads.ts';
import type { Store } from '../store/store.ts';
import type { FetchedTree } from './fetched-tree.ts';
import type { SecretProvider } from './secret-provider.ts';

export interface SourcesOptions {
  readonly store: Store;
  readonly searchPath: string;
  readonly registry: RegistryConfigSources;
  readonly secrets: SecretProvider;
  /** Whether files of repositories get the time of their commit. */
  readonly keepsTimes: boolean;
  /** What an archive may grow to. */
  readonly archiveBytesMax: number;
}

export interface Sources {
  readonly downloads: Downloads;
  readonly repositories: Repositories;
  readonly archiveBytesMax: number;
  /** The files behind an address of a named context. @throws TsbuildError of fetching and unpacking */
  readonly fetchNamed: (url: string, signal: AbortSignal) => Promise<FetchedTree>;
  close(): Promise<void>;
}

export function openSources({ store, searchPath, registry, secrets, keepsTimes, archiveBytesMax }: SourcesOptions): Sources {
  const secret = (id: string): Promise<Uint8Array | null> => secrets.secret(id);
  const downloads = createDownloads({ store, registry, secret });
  const repositories = createRepositories({ store, searchPath, registry, keepsTimes, secret, ssh: (id) => secrets.agent(id)?.[0] ?? null });
  const trees = new Map<string, Promise<FetchedTree>>();
  const fetchNew = async (url: string, folder: string, signal: AbortSignal): Promise<FetchedTree> => {
    const { fetchTree } = await import('./remote-tree.ts');
    return fetchTree(url, { downloads, repositories, archiveBytesMax, folder, signal });
  };
  return {
    downloads,
    repositories,
    archiveBytesMax,
    fetchNamed: (url, signal) => {
      const tree = trees.get(url) ?? fetchNew(url, join(store.paths.tmp, `context-${trees.size}`), signal);
      trees.set(url, tree);
      return tree;
    },
    close: () => downloads.close(),
  };
}
