/**
 * Reads the logins of Docker's config.json (docker/cli `cli/config/configfile`, `types/authconfig.go`). Helpers are
 * only named here; `credential-helper.ts` runs them.
 */
import { defaultRegistry } from '../image/reference.ts';
import { asConfigObject, configString, readConfigObject, type ConfigObject } from './config-json.ts';
import type { Credentials } from './options.ts';

/** The logins of one user. Registries are named as in references. */
export interface DockerConfig {
  readonly logins: ReadonlyMap<string, Credentials>;
  /** `credHelpers`: the helper of one registry. */
  readonly helpers: ReadonlyMap<string, string>;
  /** `credsStore`: the helper of all others. */
  readonly store?: string;
}

/** The key that Docker Hub has in config.json and with the helpers. */
export const hubKey = 'https://index.docker.io/v1/';

/** Throws TsbuildError `DOCKER_CONFIG_INVALID`, class usage. */
export async function readDockerConfig(path: string): Promise<DockerConfig> {
  const config = await readConfigObject(path);
  const logins = new Map<string, Credentials>();
  for (const [key, value] of asConfigObject(config.get('auths'))) {
    const login = readLogin(asConfigObject(value));
    if (login !== null) logins.set(registryOfKey(key), login);
  }
  const helpers = new Map<string, string>();
  for (const [key, value] of asConfigObject(config.get('credHelpers'))) {
    if (typeof value === 'string' && value !== '') helpers.set(registryOfKey(key), value);
  }
  const store = configString(config, 'credsStore');
  return { logins, helpers, ...(store === undefined ? {} : { store }) };
}

/** `https://index.docker.io/v1/` is docker.io; schemes and paths of other keys say nothing. */
function registryOfKey(key: string): string {
  const host = key.replace(/^https?:\/\//, '').split('/', 1)[0] ?? '';
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? defaultRegistry : host;
}

function readLogin(login: ConfigObject): Credentials | null {
  const identity = configString(login, 'identitytoken');
  if (identity !== undefined) return { kind: 'identity-token', token: identity };
  const bearer = configString(login, 'registrytoken');
  if (bearer !== undefined) return { kind: 'registry-token', token: bearer };
  const [name, secret] = [configString(login, 'username'), configString(login, 'password')];
  if (name !== undefined && secret !== undefined) return { kind: 'basic', username: name, password: secret };
  const pair = Buffer.from(configString(login, 'auth') ?? '', 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = pair.indexOf(':');
  return colon <= 0 ? null : { kind: 'basic', username: pair.slice(0, colon), password: pair.slice(colon + 1) };
}
