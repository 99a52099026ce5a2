/** The config of a finished stage as the image carries it: what is empty is left out, as Go's `omitempty` does it. */
import type { ContainerConfig, Healthcheck } from '../image/config.ts';
import { configEnv } from './env-list.ts';
import type { StageState } from './stage-state.ts';
import type { VersionedMap } from './versioned-map.ts';

/** Composes the config from the settings of a stage and what has grown beside them. */
export function containerConfig(state: StageState): ContainerConfig {
  const { Healthcheck: healthcheck, ...settings } = state.config;
  return withoutEmpty({
    ...settings,
    WorkingDir: state.workdirText,
    Env: configEnv(state.baseEnv, state.ownEnv),
    Labels: Object.fromEntries(state.labels.pairs()),
    ExposedPorts: keysOf(state.ports),
    Volumes: keysOf(state.volumes),
    OnBuild: state.triggers.items(),
    ...(healthcheck === undefined ? {} : { Healthcheck: withoutEmpty<Healthcheck>(healthcheck) }),
  });
}

function keysOf(set: VersionedMap<null>): Readonly<Record<string, Readonly<Record<string, never>>>> {
  return Object.fromEntries(set.pairs().map(([key]) => [key, {}]));
}

/** A healthcheck alone is there even where nothing of it is left: it stands behind a pointer in Go. */
function withoutEmpty<T extends object>(fields: T): T {
  // Only fields that may be absent are ever empty: all fields of both types are optional.
  return Object.fromEntries(Object.entries(fields).filter(([key, value]) => key === 'Healthcheck' || !isEmpty(value))) as T;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
