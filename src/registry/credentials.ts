/** Finds the login of a registry: its own helper, the store of all, or the file, in Docker's order. */
import { defaultRegistry } from '../image/reference.ts';
import { runCredentialHelper } from './credential-helper.ts';
import { hubKey, type DockerConfig } from './docker-config.ts';
import type { Credentials, RegistryOptions } from './options.ts';

/** The look-up for `RegistryOptions`; each registry's answer is remembered. */
export function credentialsFrom(config: DockerConfig, env: Readonly<Record<string, string | undefined>>): RegistryOptions['credentials'] {
  const known = new Map<string, Promise<Credentials | null>>();
  return (registry) => {
    const found = known.get(registry) ?? lookUp(registry, config, env);
    known.set(registry, found);
    return found;
  };
}

async function lookUp(registry: string, config: DockerConfig, env: Readonly<Record<string, string | undefined>>): Promise<Credentials | null> {
  const helper = config.helpers.get(registry) ?? config.store;
  const inFile = config.logins.get(registry) ?? null;
  if (helper === undefined) return inFile;
  const serverURL = registry === defaultRegistry ? hubKey : registry;
  return (await runCredentialHelper({ helper, serverURL, env })) ?? inFile;
}
