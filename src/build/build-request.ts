/**
 * Everything that the options of `tsbuild build` say, as plain data that can be logged, compared and stored as JSON.
 * Values that the environment supplies (`--build-arg K`, `SOURCE_DATE_EPOCH`, the store) are filled in already;
 * names of images, platforms and outputs are as written, because the folders that know their syntax read them.
 */

import type { IsolationChoice } from '../native/isolation.ts';
import type { GroupLimits } from '../sandbox/cgroup/group-limits.ts';

/** A name with a value. */
export interface NamedValue {
  readonly name: string;
  readonly value: string;
}

/** `--build-arg K=V`. Without a value: `--build-arg K` where the environment has no K; it then has no effect. */
export interface BuildArgument {
  readonly key: string;
  readonly value?: string;
}

/** Where a secret is read from. The value itself is never part of a request. */
export type SecretSource =
  | { readonly id: string; readonly from: 'file'; readonly path: string }
  | { readonly id: string; readonly from: 'env'; readonly variable: string };

/** `--ssh`: an agent's socket, or private keys. */
export interface SshSource {
  readonly id: string;
  /** One socket, or one or more key files; never empty. */
  readonly paths: readonly string[];
}

/** `--annotation`, for one level. */
export interface Annotation {
  readonly level: AnnotationLevel;
  /** Only for this platform's manifest. */
  readonly platform: string | null;
  readonly key: string;
  readonly value: string;
}

/** The levels of buildx. */
export const annotationLevels = ['manifest', 'index', 'manifest-descriptor', 'index-descriptor'] as const;
export type AnnotationLevel = (typeof annotationLevels)[number];

/** The address that means this machine, as steps reach it (`host-gateway.ts`). */
export const hostGateway = 'host-gateway';

/** `--add-host`. */
export interface HostEntry {
  readonly host: string;
  /** An IPv4 or IPv6 address, without brackets; or `host-gateway`. */
  readonly address: string;
}

/** `--ulimit`; -1 is unlimited. */
export interface Ulimit {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/** What RUN gets where its own `--network` does not say otherwise. */
export const networkModes = ['default', 'none', 'host'] as const;
export type NetworkMode = (typeof networkModes)[number];

export { isolationChoices } from '../native/isolation.ts';

/** Whose ids the users of RUN are when root builds: the machine's own, or ids of nobody (`native/step-ids.ts`). */
export const usernsModes = ['host', 'auto'] as const;
export type UsernsMode = (typeof usernsModes)[number];

/** What `--allow` can grant. */
export const entitlements = ['network.host', 'security.insecure'] as const;
export type Entitlement = (typeof entitlements)[number];

/** File times in layers: clamped to the constant, to the user's epoch, or real (DESIGN.md, section 5, "Times"). */
export const timestampPolicies = ['constant', 'epoch', 'keep'] as const;
export type TimestampPolicy = (typeof timestampPolicies)[number];

/** Bytes that the cache may take after a build: `default` is a part of the disk, `off` is all of it. */
export type CacheBudget = number | 'default' | 'off';

/** Modes of files in contexts that are directories: as they are, or reduced to what git knows. */
export const contextModes = ['keep', 'git'] as const;
export type ContextModes = (typeof contextModes)[number];

export interface BuildRequest {
  /** A directory, a URL, or `-` for a tar or a Dockerfile on standard input. As written. */
  readonly context: string;
  /** `-f` as written, `-` for standard input; null means `Dockerfile` in the context. Relative to the working directory. */
  readonly file: string | null;
  /** `-t` as written. */
  readonly tags: readonly string[];
  readonly target: string | null;
  readonly buildArgs: readonly BuildArgument[];
  /** `--build-context`, values as written. */
  readonly buildContexts: readonly NamedValue[];
  readonly contextModes: ContextModes;
  readonly secrets: readonly SecretSource[];
  readonly ssh: readonly SshSource[];
  /** As written, commas resolved; empty means this machine's. */
  readonly platforms: readonly string[];
  readonly labels: readonly NamedValue[];
  readonly annotations: readonly Annotation[];
  readonly noCache: boolean;
  /** Names of stages whose steps run again. */
  readonly noCacheFilter: readonly string[];
  readonly pull: boolean;
  readonly network: NetworkMode;
  /** How RUN is kept apart from the machine. */
  readonly isolation: IsolationChoice;
  readonly addHosts: readonly HostEntry[];
  readonly ulimits: readonly Ulimit[];
  readonly shmSizeBytes: number | null;
  readonly userns: UsernsMode;
  /** Of each RUN step: memory, processors, processes. */
  readonly limits: GroupLimits;
  /** Files that `Commands.build` writes. */
  readonly iidFile: string | null;
  readonly metadataFile: string | null;
  /** `-o` as written. Empty means: into the store only. */
  readonly outputs: readonly string[];
  readonly allow: readonly Entitlement[];
  readonly timestamps: TimestampPolicy;
  /**
   * SOURCE_DATE_EPOCH of the environment, as written; `graph/source-date-epoch.ts` reads it. A build argument of this name
   * comes before it.
   */
  readonly sourceDateEpoch: string | null;
  /** Absolute. */
  readonly storeRoot: string;
  /** What the cache is kept within, the least recently used goes first. */
  readonly cacheBudget: CacheBudget;
  /** How many RUN steps at once; null lets the executor choose. */
  readonly jobs: number | null;
}
