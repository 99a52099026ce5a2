/** What carrying out a vertex works with: one build's store, contexts, sandbox process and settings. */
import type { DiffID } from '../base/digest.ts';
import type { StepDescription } from '../base/events.ts';
import type { Graph } from '../graph/vertex.ts';
import type { TimePolicy } from '../layer/layer.ts';
import type { Helper } from '../native/helper.ts';
import type { StepIds } from '../native/user-namespace.ts';
import type { GroupLimits } from '../sandbox/cgroup/group-limits.ts';
import type { NetworkProgram } from '../sandbox/network.ts';
import type { Snapshotter } from '../snapshot/snapshot.ts';
import type { Repositories } from '../source/git/repositories.ts';
import type { Downloads } from '../source/http/downloads.ts';
import type { Store } from '../store/store.ts';
import type { BaseLayers } from './base-layers.ts';
import type { LazyCgroups } from './lazy-cgroups.ts';
import type { OpenContext } from './lazy-context.ts';
import type { LogFolder } from './log-files.ts';
import type { StepReporter } from './observer.ts';
import type { SecretProvider } from './secret-provider.ts';
import type { AccountFiles } from './users.ts';

/** What `--network default` turned out to be on this machine. */
export interface DefaultNetwork {
  readonly kind: 'isolated' | 'host';
  readonly programs: readonly NetworkProgram[];
}

/** The parts of a build that start something, made when the first step needs them and at most once. */
export interface Machinery {
  readonly helper: Helper;
  readonly snapshots: Snapshotter;
  /** Decided and said when the first step needs it. */
  readonly network: () => Promise<DefaultNetwork>;
  readonly cgroups: LazyCgroups;
  readonly seccomp: Uint8Array;
  /** Those of a step's own user namespace, where the builder asked for one. */
  readonly stepIds: StepIds | null;
  /** The host's /etc/resolv.conf. */
  readonly resolvConf: string;
}

export interface BuildEnvironment {
  readonly graph: Graph;
  readonly store: Store;
  /** `process.arch`. */
  readonly architecture: string;
  readonly machinery: () => Promise<Machinery>;
  readonly contexts: ReadonlyMap<string, OpenContext>;
  readonly baseLayers: BaseLayers;
  readonly secrets: SecretProvider;
  readonly times: TimePolicy;
  /** Of each RUN step. They are in no key: a result does not depend on them. */
  readonly limits: GroupLimits;
  readonly logs: LogFolder;
  readonly reporter: StepReporter;
  readonly steps: ReadonlyMap<number, StepDescription>;
  /** By the stack of layers, joined: an image's account files are read once a build. */
  readonly accounts: Map<string, Promise<AccountFiles>>;
  /** Layers of parts of contexts that RUN mounts, by context and path. */
  readonly contextLayers: Map<string, Promise<DiffID>>;
  /** For ADD; the same URL is fetched once a build. */
  readonly downloads: Pick<Downloads, 'resolve'>;
  /** For ADD of repositories. */
  readonly repositories: Repositories;
  readonly decompress: Decompress;
}

/** Plain bytes of a stream that may be compressed; detected by content. `what` names it in errors. */
export type Decompress = (source: AsyncIterable<Uint8Array>, what: string) => AsyncIterable<Uint8Array>;
