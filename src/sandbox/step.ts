/**
 * One RUN step as the builder asks for it, and what comes of it: data only. `plan.ts` turns it into operations,
 * `run-step.ts` has them carried out. Nothing here knows Dockerfiles or caches.
 */
import type { StepUsage } from '../base/events.ts';
import type { Bytes } from '../native/encoding.ts';
import type { Isolation } from '../native/isolation.ts';
import type { StepIds, UserNamespace } from '../native/user-namespace.ts';
import type { ViewSpec } from '../native/view.ts';
import type { NetworkProgram } from './network.ts';

/** A mount that the user asked for. Targets are paths in the step's root; links in them are followed inside it. */
export type StepMount =
  /** A file or directory of another view; `source` is a path inside it, resolved in its root. */
  | { readonly kind: 'bind'; readonly view: ViewSpec; readonly source: string; readonly target: string; readonly readOnly: boolean }
  /**
   * A host path that tsbuild itself chose, e.g. a cache mount's directory or a proxied ssh socket; or a path inside a host
   * directory, `source`, resolved as in a root because steps wrote what is there.
   */
  | { readonly kind: 'path'; readonly path: string; readonly source?: string; readonly target: string; readonly readOnly: boolean }
  /** Without `mode`: that of the directory that is there, else 1777, as runc does it. */
  | { readonly kind: 'tmpfs'; readonly target: string; readonly readOnly?: boolean; readonly sizeBytes?: number; readonly mode?: number }
  /** A read-only file that exists in memory only. */
  | { readonly kind: 'secret'; readonly target: string; readonly content: Uint8Array; readonly uid: number; readonly gid: number; readonly mode: number };

/** A resource limit by Docker's name (`nofile`); -1 is unlimited. Lowered to what this machine allows, with a warning. */
export interface Ulimit {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/** The control groups that a step is in; there may be none. */
export interface StepCgroups {
  /** The `cgroup.procs` of each. */
  readonly files: readonly string[];
  /** What is shown of them in /sys/fs/cgroup: cgroup2 itself, or trees of v1, each by all of its controllers' names. */
  readonly view: { readonly version: 1; readonly trees: readonly (readonly string[])[] } | { readonly version: 2 } | null;
}

/** Everything that decides what a step sees and may do. */
export interface StepSpec {
  /** With `upper` and an unused `work` on one file system. */
  readonly root: ViewSpec;
  readonly argv: readonly Bytes[];
  /** The whole environment, in this order; nothing is added. argv[0] is looked up in its PATH. */
  readonly env: readonly (readonly [string, Bytes])[];
  /** Made, mode 0755, if it is missing. */
  readonly cwd: string;
  readonly user: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  /** `none`: only its own `lo`; `isolated`: user-mode networking; `host`: the host's. */
  readonly network: 'none' | 'host' | 'isolated';
  /** For `isolated`: the programs to try, best first. */
  readonly networkPrograms?: readonly NetworkProgram[];
  readonly hostname: string;
  /** Content of /etc/hosts. */
  readonly hosts: string;
  /** Content of /etc/resolv.conf. */
  readonly resolvConf: string;
  readonly mounts: readonly StepMount[];
  /** That of the sandbox process. */
  readonly userNamespace: UserNamespace | null;
  /** A user namespace of the step's own in a build of root: which ids of this machine its users are; null: the same. */
  readonly stepIds: StepIds | null;
  /** `chroot`: no namespaces and no mounts; the root is then a tree of its own (`treeView`). Namespaces where absent. */
  readonly isolation?: Isolation;
  /** `insecure`: every capability that this process has, no seccomp filter, nothing masked. */
  readonly security: 'sandbox' | 'insecure';
  readonly shmSizeBytes: number;
  readonly cgroups: StepCgroups;
  readonly ulimits: readonly Ulimit[];
  /** Compiled filter (`seccomp.ts`), or null for none; `insecure` ignores it. */
  readonly seccomp: Uint8Array | null;
  /** Close the host's abstract sockets off; wanted when the network is the host's. */
  readonly landlockScope: boolean;
}

/** A mount point that was made in the step's root and has to be removed before the commit. */
export interface Stub {
  /** From the root, links resolved, without a leading `/`. */
  readonly path: string;
  readonly kind: 'file' | 'directory';
}

/** How a step ended: by exit code or by signal, the other is null. */
export interface StepResult {
  readonly exitCode: number | null;
  /** Name of the signal that killed the command, such as `SIGKILL`. */
  readonly signal: string | null;
  /** Why the command could not be executed at all, such as `ENOEXEC`; absent where it was. */
  readonly execErrno?: string;
  readonly usage: StepUsage;
  /** In the order in which they were made: remove them in reverse. */
  readonly stubs: readonly Stub[];
}
