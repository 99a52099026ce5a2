/**
 * What a stage has become after some of its instructions: file system, environment, config and history so far.
 * Every instruction takes one state and returns the next; nothing is changed in place.
 */
import type { ContainerConfig, HistoryEntry, ImageConfig, Platform } from '../image/config.ts';
import { normalizePlatform } from '../image/platform.ts';
import { EnvList } from './env-list.ts';
import type { PlannedImage } from './plan-input.ts';
import type { HistoryItem, VertexID } from './vertex.ts';

/** PATH of an image that has none (SEMANTICS A6, 41). */
export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export const historyComment = 'buildkit.dockerfile.v0';

export interface StageState {
  readonly root: VertexID;
  /** What RUN sees and words are substituted from: ENV and ARG, the later one winning. */
  readonly env: EnvList;
  readonly config: ContainerConfig;
  readonly author: string | null;
  readonly platform: Platform;
  /** ARGs so far with their values where they have one, for the history of RUN. */
  readonly buildArgs: readonly { readonly key: string; readonly value: string | null }[];
  readonly baseHistory: readonly HistoryEntry[];
  readonly history: readonly HistoryItem[];
  /** Whether CMD was set in this stage: ENTRYPOINT then keeps it (SEMANTICS A6, 90). */
  readonly cmdIsSet: boolean;
}

function platformOf(config: ImageConfig | null, platform: Platform): Platform {
  if (config === null) return platform;
  const variant = platform.variant ?? (config.architecture === platform.architecture ? config.variant : undefined);
  const version = platform['os.version'] ?? (config.os === platform.os ? config['os.version'] : undefined);
  return normalizePlatform({
    os: platform.os,
    architecture: platform.architecture,
    ...(variant === undefined ? {} : { variant }),
    ...(version === undefined ? {} : { 'os.version': version }),
  });
}

/** The state right after FROM of an image, or of scratch when there is none. */
export function initialState(root: VertexID, image: PlannedImage | null, platform: Platform): StageState {
  const config = image?.config.config ?? (image === null ? { WorkingDir: '/' } : {});
  const entries = config.Env ?? [];
  const hasPath = EnvList.fromEntries(entries).get('PATH') !== undefined;
  const env = hasPath ? entries : [...entries, `PATH=${defaultPath}`];
  return {
    root,
    env: EnvList.fromEntries(env),
    config: withoutOnBuild({ ...config, Env: env }),
    author: image?.config.author ?? null,
    platform: platformOf(image?.config ?? null, platform),
    buildArgs: [],
    baseHistory: image?.config.history ?? [],
    history: [],
    cmdIsSet: false,
  };
}

/** The state of a stage that starts from another stage: all of it but its triggers. */
export function inheritState(parent: StageState): StageState {
  return { ...parent, config: withoutOnBuild(parent.config), cmdIsSet: false };
}

function withoutOnBuild(config: ContainerConfig): ContainerConfig {
  const { OnBuild: triggers, ...rest } = config;
  return triggers === undefined ? config : rest;
}
