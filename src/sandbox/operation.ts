/**
 * The operations that turn a process into a sandboxed step, as plain data. The sandbox process carries them out one
 * after the other (addon/sandbox/operations.h) and reports the index of the one that failed. Nothing here decides
 * anything: `plan.ts` does.
 */
import type { Bytes } from '../native/encoding.ts';
import type { ViewSpec } from '../native/view.ts';
import type { NetworkProgram } from './network.ts';

/** Namespaces of a step's own; that of control groups it makes when it is in them. */
export type Namespace = 'mount' | 'pid' | 'ipc' | 'uts' | 'time' | 'network';

/** `mapped`: files show their owners as the step's user namespace has them; of a view, its layers do. */
export type MountAttribute = 'ro' | 'nosuid' | 'nodev' | 'noexec' | 'strictatime' | 'mapped';

/**
 * A path in a mounted tree that an earlier operation named. In a view the path is hostile: links are followed inside the
 * view, missing mount points are made. So it is in an opened tree. In the others it is ours. The tree `host` is the host's root directory.
 */
export interface Place {
  readonly in: string;
  readonly path: string;
}

/** A capability set: all that the process has, or these of it. */
export type CapabilitySet = 'all' | readonly number[];

export type Operation =
  /** First of all, by the server or by a process that waits in the control groups: makes the process, in the groups of these files. */
  | { readonly operation: 'clone'; readonly namespaces: readonly Namespace[]; readonly cgroupFiles: readonly string[]; readonly networkPrograms: readonly NetworkProgram[]; readonly networkReusable: boolean }
  | { readonly operation: 'set host name'; readonly name: string }
  | { readonly operation: 'bring loopback up' }
  /** Makes a user namespace with these maps (user_namespaces(7)); what is made from then on belongs to `root`, the ids of its root here. */
  | { readonly operation: 'make user namespace'; readonly uidMap: string; readonly gidMap: string; readonly root: { readonly uid: number; readonly gid: number } }
  /** Mounts layers out of the way, under a name. */
  | { readonly operation: 'mount view'; readonly as: string; readonly view: ViewSpec; readonly userxattr: boolean; readonly attributes: readonly MountAttribute[] }
  /** Names a directory of the host whose content is as hostile as that of a view. */
  | { readonly operation: 'open tree'; readonly as: string; readonly path: string }
  /**
   * Mounts a new file system, at a place or out of the way, under a name or none. An option without value is ''. With
   * `modeOfTarget` its root has the permissions of the directory that it hides, where there was one. One that is `optional`
   * is passed over where the kernel refuses it.
   */
  | { readonly operation: 'mount'; readonly type: string; readonly options: readonly (readonly [string, string])[]; readonly attributes: readonly MountAttribute[]; readonly as: string | null; readonly at: Place | null; readonly modeOfTarget?: boolean; readonly optional?: boolean }
  /** `recursive`: with all that is mounted below; `as`: under a name. */
  | { readonly operation: 'bind'; readonly from: Place; readonly at: Place; readonly attributes: readonly MountAttribute[]; readonly recursive?: boolean; readonly as?: string }
  /** Hides those of the paths that exist behind a read-only file or directory. */
  | { readonly operation: 'mask'; readonly in: string; readonly paths: readonly string[]; readonly file: Place; readonly directory: Place }
  /** Writes a file of the kernel's, if this kernel has it. */
  | { readonly operation: 'set kernel parameter'; readonly at: Place; readonly value: string }
  /** Makes those of the paths that exist read-only. */
  | { readonly operation: 'protect'; readonly in: string; readonly paths: readonly string[] }
  | { readonly operation: 'make directory'; readonly at: Place; readonly mode: number }
  | { readonly operation: 'make device'; readonly at: Place; readonly mode: number; readonly major: number; readonly minor: number }
  | { readonly operation: 'make link'; readonly at: Place; readonly target: string }
  | { readonly operation: 'make file'; readonly at: Place; readonly content: Bytes; readonly mode: number; readonly uid: number; readonly gid: number }
  /** Standard input from there, standard output and error to the request's pipes, which are given to the user. */
  | { readonly operation: 'connect output'; readonly input: Place; readonly uid: number; readonly gid: number }
  /** Nothing is written to that mount from here on. */
  | { readonly operation: 'make read-only'; readonly in: string }
  | { readonly operation: 'pivot root'; readonly to: string }
  /** Here what stands where something is placed is kept until the step is over: a folder beside its tree, made if missing. */
  | { readonly operation: 'open aside'; readonly path: string }
  /** Puts an empty directory in the place of what is there; with `modeOfTarget` with its permissions, if there was something. */
  | { readonly operation: 'place directory'; readonly at: Place; readonly mode: number; readonly modeOfTarget: boolean; readonly as: string | null }
  | { readonly operation: 'place file'; readonly at: Place; readonly content: Bytes; readonly mode: number; readonly uid: number; readonly gid: number }
  /** Puts a copy of a file or directory there. */
  | { readonly operation: 'place copy'; readonly from: Place; readonly at: Place }
  /** Moves a file or directory of tsbuild's own there until the step is over; a socket gets a second name. */
  | { readonly operation: 'lend'; readonly from: Place; readonly at: Place }
  /** What follows is done by a child; this process ends what the step leaves and puts back what was placed. */
  | { readonly operation: 'supervise' }
  | { readonly operation: 'confine to root'; readonly to: string }
  | { readonly operation: 'change root'; readonly to: string }
  | { readonly operation: 'change directory'; readonly path: string }
  | { readonly operation: 'join session keyring' }
  /** null is unlimited; `asked` tells the user when the machine allows less. */
  | { readonly operation: 'limit'; readonly resource: string; readonly soft: number | null; readonly hard: number | null; readonly asked: boolean }
  | { readonly operation: 'set file mode mask'; readonly mask: number }
  | { readonly operation: 'scope abstract sockets' }
  /** Into the one that was made. Nothing can be mounted after it. */
  | { readonly operation: 'enter user namespace' }
  | { readonly operation: 'drop bounding capabilities'; readonly keep: CapabilitySet }
  | { readonly operation: 'install seccomp filter'; readonly program: Uint8Array }
  /** Groups null: those of the process stay, where its user namespace allows nothing else. */
  | { readonly operation: 'become user'; readonly uid: number; readonly gid: number; readonly groups: readonly number[] | null }
  | { readonly operation: 'set capabilities'; readonly keep: CapabilitySet }
  | { readonly operation: 'exec'; readonly argv: readonly Bytes[]; readonly env: readonly Bytes[] };
