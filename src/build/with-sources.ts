/** The store and what fills it from elsewhere, open for as long as some work lasts. Start at `withSources`. */
import { releaseAll, releasing } from '../base/releasing.ts';
import type { RegistryConfigSources } from '../registry/load-config.ts';
import { machineError } from '../store/disk-error.ts';
import type { Store } from '../store/store.ts';
import type { StoreNotice } from '../store/tags.ts';
import { archiveBytesDefault } from './archive-limit.ts';
import type { BuildRequest } from './build-request.ts';
import { openBuildStore } from './build-store.ts';
import { lazyRegistry, type LazyRegistry } from './lazy-registry.ts';
import type { SecretProvider } from './secret-provider.ts';
import { openSources, type Sources } from './sources.ts';

/** What fetching needs of the process that it runs in. */
export interface SourcePorts {
  readonly signal: AbortSignal;
  readonly processID: number;
  /** Directories where programs are looked for, as in PATH. */
  readonly searchPath: string;
  /** Where the registry client finds credentials, certificates and proxies. */
  readonly registry: RegistryConfigSources;
  readonly secrets: SecretProvider;
  /** What an archive that is a context or that ADD unpacks may grow to, in bytes. */
  readonly archiveBytesMax?: number;
}

export interface Opened {
  readonly store: Store;
  readonly registry: LazyRegistry;
  readonly sources: Sources;
}

/** @throws TsbuildError of opening the store; what the work throws */
export async function withSources<Result>(
  request: Pick<BuildRequest, 'storeRoot' | 'timestamps'>, ports: SourcePorts, report: (notice: StoreNotice) => void, work: (opened: Opened) => Promise<Result>,
): Promise<Result> {
  const store = await openBuildStore(request.storeRoot, ports.processID, report);
  const registry = lazyRegistry(ports.registry);
  const sources = openSources({ ...ports, store, keepsTimes: request.timestamps === 'keep', archiveBytesMax: ports.archiveBytesMax ?? archiveBytesDefault });
  const close = (): Promise<void> => releaseAll([() => sources.close(), () => registry.close(), () => store.close()]);
  return releasing(() => work({ store, registry, sources }), close).catch((error: unknown) => {
    throw machineError(error);
  });
}
