/**
 * The graph: immutable, JSON-able vertices, each one pure operation over the vertices that it names by number.
 * It holds no bytes, no clock and no paths of this machine; `build/` carries it out. Start at `Operation`.
 */
import type { BlobDigest, DiffID } from '../base/digest.ts';
import { invariant, type SourceRange } from '../base/errors.ts';
import type { GitUrl } from '../dockerfile/git-url.ts';
import type { HistoryEntry, ImageConfig, Platform } from '../image/config.ts';

/** A vertex's number in its graph; inputs always have smaller numbers. */
export type VertexID = number;

/** A base image, resolved to the manifest that its reference stood for. */
export interface ImageOperation {
  readonly kind: 'image';
  /** As in FROM, after substitution; for messages and progress. */
  readonly reference: string;
  readonly manifest: BlobDigest;
  readonly diffIDs: readonly DiffID[];
  readonly platform: Platform;
}

export interface ScratchOperation {
  readonly kind: 'scratch';
}

/** A build context; the empty name is the main one. What it holds is read only where COPY selects from it. */
export interface ContextOperation {
  readonly kind: 'context';
  readonly name: string;
}

/** A repository of which ADD takes all, or a part. What its reference stands for is found out when the build runs. */
export interface GitOperation {
  readonly kind: 'git';
  readonly url: GitUrl;
  /** Whether `.git` is a part of it. */
  readonly keepsGit: boolean;
}

export type RunMount =
  | { readonly kind: 'bind'; readonly from: VertexID; readonly source: string; readonly target: string; readonly readOnly: boolean }
  | {
      readonly kind: 'cache';
      /** Of BUILDKIT_CACHE_MOUNT_NS; equal ids of two namespaces are two caches. */
      readonly namespace: string;
      readonly id: string;
      readonly target: string;
      readonly readOnly: boolean;
      readonly sharing: 'shared' | 'private' | 'locked';
      /** What a new cache starts with; null for nothing. */
      readonly from: VertexID | null;
      /** The part of the cache that is mounted; the root is all of it. */
      readonly source: string;
      /** Owner and mode of a new cache's own directory; null where the instruction says nothing about them. */
      readonly initial: { readonly mode: number; readonly uid: number; readonly gid: number } | null;
    }
  | { readonly kind: 'tmpfs'; readonly target: string; readonly readOnly: boolean; readonly sizeBytes: number | null }
  | {
      readonly kind: 'secret';
      readonly id: string;
      readonly target: string | null;
      readonly env: string | null;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | {
      readonly kind: 'ssh';
      readonly id: string;
      readonly target: string;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    };

/** A file that a RUN finds at `/dev/pipes/NAME`: the body of a here-document that starts with `#!`. */
export interface InlineFile {
  readonly name: string;
  readonly content: string;
}

export interface RunOperation {
  readonly kind: 'run';
  readonly root: VertexID;
  readonly args: readonly string[];
  readonly env: readonly (readonly [string, string])[];
  /** Proxies given as build arguments: in the environment, never in a key or in the image (SEMANTICS A6, 38). */
  readonly proxyEnv: readonly (readonly [string, string])[];
  readonly cwd: string;
  /** As in USER; empty means root. Looked up in the image when the step runs. */
  readonly user: string;
  readonly mounts: readonly RunMount[];
  readonly network: 'default' | 'none' | 'host';
  readonly security: 'sandbox' | 'insecure';
  readonly hostname: string;
  readonly extraHosts: readonly (readonly [string, string])[];
  readonly shmSizeBytes: number;
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly inlineFile: InlineFile | null;
  readonly platform: Platform;
}

export type CopySource =
  /** With `--parents`, `pattern` is what stands before `/./`, and `include` what is copied from below it (dialect of ignore files). */
  | { readonly kind: 'path'; readonly from: VertexID; readonly pattern: string; readonly include?: string }
  | { readonly kind: 'inline'; readonly name: string; readonly content: string }
  | { readonly kind: 'git'; readonly from: VertexID }
  | { readonly kind: 'http'; readonly url: string; readonly filename: string; readonly checksum: string | null };

/** COPY and ADD. */
export interface CopyOperation {
  readonly kind: 'copy';
  readonly instruction: 'COPY' | 'ADD';
  readonly root: VertexID;
  readonly sources: readonly CopySource[];
  /** Absolute; ends in `/` where the instruction said so. */
  readonly destination: string;
  /** `--chown` after substitution; looked up in the image. */
  readonly owner: string | null;
  /** `--chmod` after substitution, validated. */
  readonly mode: string | null;
  readonly link: boolean;
  readonly parents: boolean;
  readonly excludes: readonly string[];
  /** Whether local archives are extracted. */
  readonly unpack: boolean;
  readonly unpackRemote: boolean;
}

/** Makes the working directory if it is missing, owned by the current user. */
export interface WorkdirOperation {
  readonly kind: 'workdir';
  readonly root: VertexID;
  readonly path: string;
  readonly user: string;
}

/** One line of the history, and the vertex that decides whether it has a layer; null for metadata. */
export interface HistoryItem {
  readonly entry: HistoryEntry;
  readonly layer: VertexID | null;
}

/** The image that a stage stands for: composed from its file system and what the instructions said. */
export interface ConfigOperation {
  readonly kind: 'config';
  readonly root: VertexID;
  /** Without `rootfs` and `history`, which are composed from the layers when they are known. */
  readonly config: Omit<ImageConfig, 'rootfs' | 'history'>;
  readonly baseHistory: readonly HistoryEntry[];
  readonly history: readonly HistoryItem[];
}

export type Operation =
  | ImageOperation
  | ScratchOperation
  | ContextOperation
  | GitOperation
  | RunOperation
  | CopyOperation
  | WorkdirOperation
  | ConfigOperation;

export interface Vertex {
  readonly id: VertexID;
  readonly operation: Operation;
  /** For progress: `[builder 2/5] RUN make`. */
  readonly name: string;
  readonly position: SourceRange | null;
  /** Name or number of its stage, for `--no-cache-filter` and for finding the same step of an earlier build. */
  readonly stage: string;
  /** Number of the instruction within its stage. */
  readonly step: number;
  /** True where the user asked not to take it from the cache. */
  readonly ignoreCache: boolean;
}

export interface Graph {
  readonly vertices: readonly Vertex[];
  /** `config` vertices: one for each platform, in the order in which the user named them. */
  readonly targets: readonly VertexID[];
  /** Name of the target stage, for people. */
  readonly targetName: string;
}

/** The config operation that a target is. */
export function targetOperation({ vertices }: Pick<Graph, 'vertices'>, target: VertexID): ConfigOperation {
  const operation = vertices[target]?.operation;
  invariant(operation?.kind === 'config', 'the target of a graph is a config vertex');
  return operation;
}

/** The vertices that an operation consumes, in a fixed order. */
export function inputsOf(operation: Operation): readonly VertexID[] {
  switch (operation.kind) {
    case 'image':
    case 'scratch':
    case 'context':
    case 'git':
      return [];
    case 'run': {
      const mounts = operation.mounts.flatMap((mount) =>
        (mount.kind === 'bind' || mount.kind === 'cache') && mount.from !== null ? [mount.from] : [],
      );
      return [operation.root, ...mounts];
    }
    case 'copy':
      return [operation.root, ...operation.sources.flatMap((source) => (source.kind === 'path' || source.kind === 'git' ? [source.from] : []))];
    case 'workdir':
    case 'config':
      return [operation.root];
  }
}
