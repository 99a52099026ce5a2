/** What running steps needs of this machine, started when the first step misses the cache and at most once a build. */
import { readFile } from 'node:fs/promises';
import { errnoCode, TsbuildError } from '../base/errors.ts';
import { releaseAll, undo } from '../base/releasing.ts';
import type { TimePolicy } from '../layer/layer.ts';
import type { Helper } from '../native/helper.ts';
import type { IsolationChoice } from '../native/isolation.ts';
import { findStepIds } from '../native/step-ids.ts';
import { callerName, subordinateHint, type UserNamespace } from '../native/user-namespace.ts';
import { openCgroups, type CgroupOptions } from '../sandbox/cgroup/cgroups.ts';
import type { GroupLimits } from '../sandbox/cgroup/group-limits.ts';
import { park } from '../sandbox/cgroup/park.ts';
import { detectNetwork } from '../sandbox/network.ts';
import { stepFilter } from '../sandbox/step-filter.ts';
import type { Store } from '../store/store.ts';
import type { UsernsMode } from './build-request.ts';
import { startIsolated } from './choose-isolation.ts';
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
  readonly isolation: IsolationChoice;
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
  const { reporter, store } = options;
  const { helper, snapshots } = await startIsolated(options);
  const { isolation } = helper;
  if (isolation === 'namespaces') sayIds(helper.userNamespace, reporter);
  try {
    if (isolation === 'chroot' && options.userns === 'auto') throw usernsUnable();
    const resolvConf = await readResolvConf();
    let network: Promise<DefaultNetwork> | null = null;
    const onWarning = (text: string): void => reporter.send({ type: 'notice', level: 'warning', code: 'CGROUPS', text });
    const { limits, runCount: aheadMax } = options;
    const cgroups = lazyCgroups(() => openCgroups({ limits, onWarning, aheadMax: isolation === 'chroot' ? 0 : aheadMax, onPlaces: rememberGroups(store), park: (files) => park(helper, files) }));
    const stepIds = options.userns === 'auto' && helper.userNamespace === null && isolation === 'namespaces' ? await findStepIds() : null; // else it has no ids of root
    const seccomp = stepFilter(options.architecture === 'arm64' ? 'arm64' : 'x64', isolation);
    return { helper, snapshots, network: () => (network ??= chooseNetwork(options, helper)), cgroups, resolvConf, seccomp, stepIds };
  } catch (error) {
    throw await undo(error, () => releaseAll([() => snapshots.close(), () => helper.close()]));
  }
}

/** Groups are outside of the store and stay when their build is killed. */
function rememberGroups(store: Store): NonNullable<CgroupOptions['onPlaces']> {
  return (directories, prefix) => { store.remember(directories.map((directory) => ({ kind: 'groups', directory, prefix }))); };
}

function usernsUnable(): TsbuildError {
  return new TsbuildError('machine', 'ISOLATION_UNABLE', '--userns=auto: not possible with --isolation=chroot: a step then has the ids of this process', { hint: 'Leave it out, or build where user namespaces can be made.' });
}

/** Most images of distributions have files of several owners: better said before one fails. */
function sayIds(userNamespace: UserNamespace | null, reporter: StepReporter): void {
  if (userNamespace?.kind !== 'single') return;
  const text = `This build has one user id, 0: images and steps with files of other owners fail. ${subordinateHint(callerName())}`;
  reporter.send({ type: 'notice', level: 'warning', code: 'ROOTLESS_SINGLE_ID', text });
}

/** `default` isolates where it can; where it cannot, RUN shares the host's network. The log says which, once a build. */
async function chooseNetwork({ reporter, searchPath }: MachineryOptions, { isolation, userNamespace }: Helper): Promise<DefaultNetwork> {
  if (isolation === 'chroot') return { kind: 'host', programs: [] }; // said with the isolation
  const found = await detectNetwork(searchPath, userNamespace !== null);
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
