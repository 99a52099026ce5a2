/** What planning takes: everything that is known before anything runs, as plain data. */
import type { BlobDigest, DiffID } from '../base/digest.ts';
import type { SourceRange } from '../base/errors.ts';
import type { Dockerfile } from '../dockerfile/instruction.ts';
import type { ImageConfig, Platform } from '../image/config.ts';

/** A base image whose reference was resolved. */
export interface PlannedImage {
  readonly manifest: BlobDigest;
  readonly config: ImageConfig;
  readonly diffIDs: readonly DiffID[];
}

/** A reference that planning still needs. `key` is what the answer must be filed under. */
export interface ImageRequest {
  readonly key: string;
  readonly reference: string;
  readonly platform: Platform;
  readonly position: SourceRange;
}

export interface PlanInput {
  readonly dockerfile: Dockerfile;
  readonly target: string | null;
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly targetPlatform: Platform;
  /** Whether the user asked for the target platform; otherwise it is this machine's, and what FROM says of its own holds. */
  readonly isPlatformGiven: boolean;
  /** Whether steps are named with their platform: there are several. */
  readonly isPlatformShown: boolean;
  readonly buildPlatform: Platform;
  /** By name as `contextName` normalises it. */
  readonly namedContexts: ReadonlyMap<string, 'directory' | 'image' | 'scratch'>;
  /** Resolved so far, by `ImageRequest.key`. */
  readonly images: ReadonlyMap<string, PlannedImage>;
  readonly labels: readonly (readonly [string, string])[];
  readonly network: 'default' | 'none' | 'host';
  readonly extraHosts: readonly (readonly [string, string])[];
  readonly shmSizeBytes: number;
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly hostname: string;
  /** Of BUILDKIT_CACHE_MOUNT_NS; empty where it is not given. */
  readonly cacheNamespace: string;
  readonly noCache: boolean;
  readonly noCacheFilter: readonly string[];
  /** Seconds; `created` of the config and the history, in RFC 3339 form. */
  readonly created: string;
  /** Value of SOURCE_DATE_EPOCH in RUN unless the Dockerfile sets its own. */
  readonly sourceDateEpoch: string;
  /** Whether RUN may ask for the host's network: by `--allow network.host`, or because the whole build has it. */
  readonly allowHostNetwork: boolean;
  readonly allowInsecure: boolean;
}
