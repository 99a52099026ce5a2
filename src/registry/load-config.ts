/**
 * Gathers what Docker's users have set up: config.json with its credential helpers, certs.d, daemon.json, proxies,
 * authorities. Everything it reads is named by the caller; it asks no registry. Start at `loadRegistryConfig`.
 */
import { readAuthorities } from './authorities.ts';
import { readCertificates } from './certificates.ts';
import { credentialsFrom } from './credentials.ts';
import { readDaemonConfig } from './daemon-config.ts';
import { readDockerConfig } from './docker-config.ts';
import type { ProxyOptions, RegistryOptions } from './options.ts';
import { clientDefaults } from './registry.ts';

/** Where to look. Files that are not there are passed over. */
export interface RegistryConfigSources {
  /** The folder of Docker's config.json; undefined means `DOCKER_CONFIG` or `~/.docker`. */
  readonly dockerConfigDir?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeDir: string;
  /** Folders of certificates by host; undefined means Docker's and containers' own. */
  readonly certsDirs?: readonly string[];
  /** Docker's daemon.json files; undefined means `/etc/docker/daemon.json` and the rootless one. */
  readonly daemonConfigs?: readonly string[];
  /** Bundles of the system's authorities, the first one that exists counts; undefined means the usual places. */
  readonly systemBundles?: readonly string[];
  /** More insecure registries, from the command line. */
  readonly insecure?: readonly string[];
}

/**
 * The options of `createRegistry` for this user and machine.
 * @throws TsbuildError `DOCKER_CONFIG_INVALID`, `CERTIFICATES_INVALID`, class usage
 */
export async function loadRegistryConfig(sources: RegistryConfigSources): Promise<RegistryOptions> {
  const { env, homeDir } = sources;
  const configDir = sources.dockerConfigDir ?? env['DOCKER_CONFIG'] ?? `${homeDir}/.docker`;
  const certsDirs = sources.certsDirs ?? ['/etc/containers/certs.d', '/etc/docker/certs.d', `${homeDir}/.config/containers/certs.d`, `${homeDir}/.config/docker/certs.d`, `${homeDir}/.docker/certs.d`];
  const daemonConfigs = sources.daemonConfigs ?? ['/etc/docker/daemon.json', `${homeDir}/.config/docker/daemon.json`];
  const [docker, daemon, hosts, roots] = await Promise.all([
    readDockerConfig(`${configDir}/config.json`),
    readDaemonConfig(daemonConfigs),
    readCertificates(certsDirs),
    readAuthorities(env, sources.systemBundles),
  ]);
  return {
    ...clientDefaults,
    credentials: credentialsFrom(docker, env),
    tls: { hosts, ...(roots === undefined ? {} : { roots }) },
    mirrors: daemon.mirrors,
    insecure: [...daemon.insecure, ...(sources.insecure ?? [])],
    proxies: readProxies(env),
  };
}

function readProxies(env: RegistryConfigSources['env']): ProxyOptions {
  const pick = (name: string): string => env[name.toUpperCase()] || env[name.toLowerCase()] || '';
  const [http, https, no] = [pick('http_proxy'), pick('https_proxy'), pick('no_proxy')];
  // Inside a CGI program HTTP_PROXY is a request's header (CVE-2016-5386).
  const cgi = env['REQUEST_METHOD'] !== undefined;
  return { ...(http === '' || cgi ? {} : { http }), ...(https === '' ? {} : { https }), ...(no === '' ? {} : { no }) };
}
