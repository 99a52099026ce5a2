/** What running steps needs of this machine, started when the first step misses the cache and at most once a build. */
import { readFile } from 'node:fs/promises';
import { errnoCode } from '../base/errors.ts';
import { releaseAll, undo } from '../base/releasing.ts';
import type { TimePolicy } from '../layer/layer.ts';
import { startHelper } from '../native/helper.ts';
import { findStepIds } from '../native/step-ids.ts';
import { callerName, subordinateHint, type UserNamespace } from '../native/user-namespace.ts';
import { openCgroups, type CgroupOptions } from '../sandbox/cgroup/cgroups.ts';
import type { GroupLimits } from '../sandbox/cgroup/group-limits.ts';
import { park } from '../sandbox/cgroup/park.ts';
import { detectNetwork } from '../sandbox/network.ts';
import { stepFilter } from '../sandbox/step-filter.ts';
import { openDirectorySnapshotter } from '../snapshot/directory.ts';
import type { Store } from '../store/store.ts';
import type { UsernsMode } from './build-request.ts';
import type { DefaultNetwork, Machinery } from './environment.ts';
import { lazyCgroups } from './lazy-cgroups.ts';
import type { StepReporter } from './observer.ts';

export interface MachineryOptions {
  readonly store: Store;
  readonly times: TimePolicy;
  readonly reporter: StepReporter;
  readonly limits: GroupLimits;
  readonly userns: UsernsMode;
  /** RUN steps of the graph, of which the cache may have some. */
  readonly runCount: number;
  /** Where network programs are looked for. */
  readonly searchPath: string;
  /** `process.arch`. */
  readonly architecture: string;
}

/** The machinery of one build: `get` starts it, `close` ends what was started. */
export interface LazyMachinery {
  get(): Promise<Machinery>;
  /** Ends what was started; nothing where no step missed the cache. */
  close(): Promise<void>;
}

export function lazyMachinery(options: MachineryOptions): LazyMachinery {
  let started: Promise<Machinery> | null = null;
  return {
    get: () => (started ??= start(options)),
    close: async () => {
      if (started === null) return;
      const [outcome] = await Promise.allSettled([started]);
      if (outcome.status === 'rejected') return;
      const { helper, snapshots, cgroups } = outcome.value;
      await releaseAll([() => cgroups.close(), () => snapshots.close(), () => helper.close()]);
    },
  };
}

async function start(options: MachineryOptions): Promise<Machinery> {
  const { reporter, store, times } = options;
  const helper = await startHelper({
    onWarning: (text) => reporter.send({ type: 'notice', level: 'warning', code: 'SANDBOX', text }),
  });
  sayIds(helper.userNamespace, reporter);
  try {
    const [snapshots, resolvConf] = await Promise.all([openDirectorySnapshotter({ store, helper, times }), readResolvConf()]);
    let network: Promise<DefaultNetwork> | null = null;
    const onWarning = (text: string): void => reporter.send({ type: 'notice', level: 'warning', code: 'CGROUPS', text });
    const { limits, runCount: aheadMax } = options;
    const cgroups = lazyCgroups(() => openCgroups({ limits, onWarning, aheadMax, onPlaces: rememberGroups(store), park: (files) => park(helper, files) }));
    const stepIds = options.userns === 'auto' && helper.userNamespace === null ? await findStepIds() : null; // else it has no ids of root
    const seccomp = stepFilter(options.architecture === 'arm64' ? 'arm64' : 'x64');
    return { helper, snapshots, network: () => (network ??= chooseNetwork(options, helper.userNamespace !== null)), cgroups, resolvConf, seccomp, stepIds };
  } catch (error) {
    throw await undo(error, () => helper.close());
  }
}

/** Groups are outside of the store and stay when their build is killed. */
function rememberGroups(store: Store): NonNullable<CgroupOptions['onPlaces']> {
  return (directories, prefix) => { store.remember(directories.map((directory) => ({ kind: 'groups', directory, prefix }))); };
}

/** Most images of distributions have files of several owners: better said before one fails. */
function sayIds(userNamespace: UserNamespace | null, reporter: StepReporter): void {
  if (userNamespace?.kind !== 'single') return;
  const text = `This build has one user id, 0: images and steps with files of other owners fail. ${subordinateHint(callerName())}`;
  reporter.send({ type: 'notice', level: 'warning', code: 'ROOTLESS_SINGLE_ID', text });
}

/** `default` isolates where it can; where it cannot, RUN shares the host's network. The log says which, once a build. */
async function chooseNetwork({ reporter, searchPath }: MachineryOptions, isRootless: boolean): Promise<DefaultNetwork> {
  const found = await detectNetwork(searchPath, isRootless);
  if (found.kind === 'found') {
    const text = `RUN steps have a network of their own, with user-mode networking by ${found.programs[0].name}.`;
    reporter.send({ type: 'notice', level: 'info', code: 'NETWORK_ISOLATED', text });
    return { kind: 'isolated', programs: found.programs };
  }
  reporter.send({
    type: 'notice',
    level: 'warning',
    code: 'NETWORK_SHARED',
    text: `RUN steps share this machine's network: ${found.reason}. ${found.install}`,
  });
  return { kind: 'host', programs: [] };
}

async function readResolvConf(): Promise<string> {
  try {
    return await readFile('/etc/resolv.conf', 'utf8');
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return '';
    throw error;
  }
}
