/** The registry client, loaded when the first reference is not in the store. */
import type { RegistryConfigSources } from '../registry/load-config.ts';
import type { Registry } from '../registry/registry.ts';

export interface LazyRegistry {
  readonly get: () => Promise<Registry>;
  readonly close: () => Promise<void>;
}

/** Nothing is read or connected before the first `get`. */
export function lazyRegistry(sources: RegistryConfigSources): LazyRegistry {
  let registry: Promise<Registry> | null = null;
  const create = async (): Promise<Registry> => {
    const [{ createRegistry }, { loadRegistryConfig }] = await Promise.all([import('../registry/registry.ts'), import('../registry/load-config.ts')]);
    return createRegistry(await loadRegistryConfig(sources));
  };
  const close = async (): Promise<void> => {
    const [opened] = await Promise.allSettled([registry]); // one that failed to open has nothing to close
    if (opened.status === 'fulfilled') await opened.value?.close();
  };
  return { get: () => (registry ??= create()), close };
}
