/**
 * Chooses how steps are isolated and where their trees come from, by what this process may do here. It opens the snapshots and
 * starts the sandbox process, and says once a build what cannot be promised. Start at `startIsolated`.
 */
import { statfs } from 'node:fs/promises';
import { undo } from '../base/releasing.ts';
import type { TimePolicy } from '../layer/layer.ts';
import { startHelper, type Helper, type StartOptions } from '../native/helper.ts';
import type { IsolationChoice } from '../native/isolation.ts';
import { canOverlay, missingForNamespaces, probeSandbox, type Try } from '../sandbox/probe.ts';
import { openCopySnapshotter } from '../snapshot/copy.ts';
import { openDirectorySnapshotter } from '../snapshot/directory.ts';
import type { Snapshotter } from '../snapshot/snapshot.ts';
import type { Store } from '../store/store.ts';
import type { StepReporter } from './observer.ts';

/** What carries out steps, and gives them their trees. */
export interface Isolated {
  readonly helper: Helper;
  readonly snapshots: Snapshotter;
}

export interface IsolationOptions {
  readonly store: Store;
  readonly times: TimePolicy;
  readonly reporter: StepReporter;
  readonly isolation: IsolationChoice;
}

/** File systems that overlayfs takes an upperdir on (statfs(2)): ext4, xfs, btrfs, tmpfs. */
const ordinary: readonly number[] = [0xef53, 0x58465342, 0x9123683e, 0x01021994];

/** Starts the sandbox process, in namespaces if they are of use; the caller closes both, the snapshots first. */
export async function startIsolated(options: IsolationOptions): Promise<Isolated> {
  const { store, reporter, isolation, times } = options;
  const start: StartOptions = { onWarning: (text) => reporter.send({ type: 'notice', level: 'warning', code: 'SANDBOX', text }) };
  const helper = await startHelper({ ...start, isolation });
  try {
    if (helper.isolation === 'chroot') return await openChroot(helper, options, null);
    const tries = await probe(helper, store);
    const missing = missingForNamespaces(tries);
    if (missing === null) {
      const open = tries.length === 0 || canOverlay(tries) ? openDirectorySnapshotter : sayingCopies(reporter, tries);
      return { helper, snapshots: await open({ store, helper, times }) };
    }
    if (process.geteuid?.() !== 0) return { helper, snapshots: await openDirectorySnapshotter({ store, helper, times }) };
    await helper.close();
    const other = await startHelper({ ...start, isolation: 'chroot' });
    return await openChroot(other, options, missing);
  } catch (error) {
    throw await undo(error, () => helper.close());
  }
}

/** Root of the machine, on a file system that is known to do, may do all of it; the others are found out about. */
async function probe(helper: Helper, store: Store): Promise<readonly Try[]> {
  if (helper.userNamespace === null && ordinary.includes((await statfs(store.paths.tmp)).type)) return [];
  return probeSandbox(helper, store.paths.tmp);
}

async function openChroot(helper: Helper, { store, times, reporter, isolation }: IsolationOptions, missing: Try | null): Promise<Isolated> {
  try {
    const why = isolation === 'chroot' ? '' : ` This process may make no sandbox${missing === null ? '' : ` (${missing.name}: ${missing.failure ?? ''})`}, and nothing better works here.`;
    const text = `RUN steps are isolated by chroot alone: they share the network, the processes and the host name of this machine or container, and have no /proc and /sys. Each works on a copy of the whole tree.${why} "tsbuild doctor" says what is missing.`;
    reporter.send({ type: 'notice', level: 'warning', code: 'ISOLATION_CHROOT', text });
    return { helper, snapshots: await openCopySnapshotter({ store, helper, times }) };
  } catch (error) {
    throw await undo(error, () => helper.close());
  }
}

function sayingCopies(reporter: StepReporter, tries: readonly Try[]): typeof openCopySnapshotter {
  const failure = tries.find(({ name }) => name === 'overlay')?.failure ?? '';
  const text = `Each RUN step works on a copy of the whole tree: overlayfs does not take the store's file system (${failure}). Put the store on another, with --store or $TSBUILD_ROOT.`;
  reporter.send({ type: 'notice', level: 'warning', code: 'SNAPSHOTS_COPIED', text });
  return openCopySnapshotter;
}
