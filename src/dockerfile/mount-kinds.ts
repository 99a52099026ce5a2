/**
 * The five kinds of mount that a RUN can ask for, with all defaults filled in that do not depend on the stage.
 * Start at `Mount`.
 */

/** How builds share a cache mount at the same time. */
export type CacheSharing = 'shared' | 'private' | 'locked';

/** Files of the context, a stage or an image. `target` may be relative or, meaning WORKDIR itself, empty. */
export interface BindMount {
  readonly type: 'bind';
  readonly target: string;
  /** A path in the source; absent means all of it. */
  readonly source?: string;
  /** A stage, a named context or an image; absent means the build context. */
  readonly from?: string;
  readonly readOnly: boolean;
}
/** A directory that outlives the build. */
export interface CacheMount {
  readonly type: 'cache';
  readonly target: string;
  /** As given, else the cleaned target. */
  readonly id: string;
  readonly sharing: CacheSharing;
  /** What the directory starts with; absent means empty. */
  readonly from?: string;
  readonly source?: string;
  readonly readOnly: boolean;
  /** For a directory that is made now. All three absent: taken from `from`, else 0755 and root. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}
/** Memory that is gone after the step. */
export interface TmpfsMount {
  readonly type: 'tmpfs';
  readonly target: string;
  readonly sizeBytes?: number;
  readonly readOnly: boolean;
}
/** A secret as a file, a variable or both. */
export interface SecretMount {
  readonly type: 'secret';
  readonly id: string;
  /** Absent where the secret is given as a variable only. */
  readonly target?: string;
  /** The variable's name. */
  readonly env?: string;
  readonly required: boolean;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}
/** A forwarded ssh agent. */
export interface SshMount {
  readonly type: 'ssh';
  readonly id: string;
  /** Absent means `/run/buildkit/ssh_agent.N`. */
  readonly target?: string;
  readonly required: boolean;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** One `--mount`, complete but for what depends on the stage. */
export type Mount = BindMount | CacheMount | TmpfsMount | SecretMount | SshMount;
