/**
 * What a stage has become after some of its instructions: file system, environment, config and history so far.
 * Every instruction takes one state and returns the next; nothing is changed in place.
 */
import type { ContainerConfig, HistoryEntry, ImageConfig, Platform } from '../image/config.ts';
import { normalizePlatform } from '../image/platform.ts';
import { alignHistory } from './base-history.ts';
import { envList, splitEntry, type EnvList } from './env-list.ts';
import { cleanPath, joinWorkdir } from './file-paths.ts';
import type { PlannedImage, PlanInput } from './plan-input.ts';
import { VersionedList, VersionedMap } from './versioned-map.ts';
import type { HistoryItem, VertexID } from './vertex.ts';

/** PATH of an image that has none (SEMANTICS A6, 41). */
export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const historyComment = 'buildkit.dockerfile.v0';

/** The part of the config that does not grow: each instruction replaces what it says. */
export type Settings = Omit<ContainerConfig, 'Env' | 'Labels' | 'ExposedPorts' | 'Volumes' | 'OnBuild'>;

export interface StageState {
  readonly root: VertexID;
  /** What RUN sees and words are substituted from: ENV and ARG, the later one winning. */
  readonly env: EnvList;
  /** `WorkingDir` is absolute and clean here; `workdirText` is what the image says. */
  readonly config: Settings;
  readonly workdirText: string;
  /** Env of the base image as it has it, and what was set since. */
  readonly baseEnv: readonly string[];
  readonly ownEnv: VersionedMap<string>;
  readonly labels: VersionedMap<string>;
  readonly ports: VersionedMap<null>;
  readonly volumes: VersionedMap<null>;
  /** ONBUILD of this stage. */
  readonly triggers: VersionedList<string>;
  readonly author: string | null;
  readonly platform: Platform;
  /** ARGs so far with their values where they have one, for the history of RUN. */
  readonly buildArgs: VersionedMap<string | null>;
  readonly baseHistory: readonly HistoryEntry[];
  readonly history: VersionedList<HistoryItem>;
  /** Characters of what the history says, without the base's. */
  readonly historySize: number;
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

/** What scratch, or a directory in its place, says of itself. */
const scratchConfig: ContainerConfig = { WorkingDir: '/' };

/** The state right after FROM of an image, or of scratch when there is none. */
export function initialState(root: VertexID, image: PlannedImage | null, platform: Platform): StageState {
  return startStage(stateOfImage(root, image, image?.config.config ?? (image === null ? scratchConfig : {}), platform));
}

/**
 * The state of a stage in whose place a named context stands: what the image says and nothing else, and of a directory
 * nothing at all (SEMANTICS A6, 47; dockerfile2llb/convert.go, resolveBaseImage).
 */
export function replacedState(root: VertexID, image: PlannedImage | null, platform: Platform): StageState {
  return stateOfImage(root, image, image?.config.config ?? {}, platform);
}

/** The state of a stage that starts from another stage: all of it but its triggers. */
export function inheritState(parent: StageState): StageState {
  return startStage({ ...parent, triggers: VersionedList.of<string>(), cmdIsSet: false });
}

function stateOfImage(root: VertexID, image: PlannedImage | null, config: ContainerConfig, platform: Platform): StageState {
  const { Env: baseEnv = [], Labels: labels = {}, ExposedPorts: ports = {}, Volumes: volumes = {}, ...others } = config;
  const settings = withoutTriggers(others);
  return {
    root,
    env: envList(baseEnv.map(splitEntry)),
    config: settings,
    workdirText: settings.WorkingDir ?? '',
    baseEnv,
    ownEnv: VersionedMap.of<string>('first'),
    labels: VersionedMap.of('first', Object.entries(labels)),
    ports: setOf(ports),
    volumes: setOf(volumes),
    triggers: VersionedList.of<string>(),
    author: image?.config.author ?? null,
    platform: platformOf(image?.config ?? null, platform),
    buildArgs: VersionedMap.of<string | null>('first'),
    baseHistory: image === null ? [] : alignHistory(image.config, image.diffIDs.length),
    history: VersionedList.of<HistoryItem>(),
    historySize: 0,
    cmdIsSet: false,
  };
}

/** Triggers of a base are run, not inherited. */
function withoutTriggers(config: Settings & Pick<ContainerConfig, 'OnBuild'>): Settings {
  const { OnBuild: triggers, ...settings } = config;
  return triggers === undefined ? config : settings;
}

function setOf(keys: object): VersionedMap<null> {
  return VersionedMap.of('first', Object.keys(keys).map((key): [string, null] => [key, null]));
}

/** What every stage does before its instructions: PATH is set, the working directory made absolute. */
function startStage(state: StageState): StageState {
  const hasPath = state.env.has('PATH') || state.platform.os === 'windows';
  const started = hasPath ? state : { ...state, env: state.env.with('PATH', defaultPath), ownEnv: state.ownEnv.with('PATH', defaultPath) };
  return state.workdirText === '' ? started : moveTo(started, state.workdirText);
}

/** Adds a line to the history; without a layer it is marked as empty. */
export function withLine(state: StageState, { created }: Pick<PlanInput, 'created'>, createdBy: string, layer: VertexID | null): StageState {
  const entry = { created, created_by: createdBy, comment: historyComment, ...(layer === null ? { empty_layer: true } : {}) };
  return { ...state, history: state.history.with({ entry, layer }), historySize: state.historySize + createdBy.length };
}

/**
 * The state after WORKDIR: a relative path is joined to the one before, and the image says an absolute one as it was
 * written. A relative one of a base image is joined to itself, as in BuildKit (dockerfile2llb/convert.go, dispatchStages).
 */
export function moveTo(state: StageState, path: string): StageState {
  const text = joinWorkdir(state.workdirText, path);
  return { ...state, workdirText: text, config: { ...state.config, WorkingDir: cleanPath(text) } };
}
