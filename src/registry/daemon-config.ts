/** Reads what concerns registries from Docker's daemon.json: mirrors (of Docker Hub only) and insecure registries. */
import { defaultRegistry } from '../image/reference.ts';
import { configStrings, readConfigObject } from './config-json.ts';

/** What the files say, taken together. */
export interface DaemonConfig {
  readonly mirrors: ReadonlyMap<string, readonly string[]>;
  readonly insecure: readonly string[];
}

/** Throws TsbuildError `DOCKER_CONFIG_INVALID`, class usage. */
export async function readDaemonConfig(paths: readonly string[]): Promise<DaemonConfig> {
  const files = await Promise.all(paths.map((path) => readConfigObject(path)));
  const mirrors = files.flatMap((file) => configStrings(file, 'registry-mirrors'));
  const insecure = files.flatMap((file) => configStrings(file, 'insecure-registries'));
  return { mirrors: new Map(mirrors.length === 0 ? [] : [[defaultRegistry, mirrors]]), insecure };
}
