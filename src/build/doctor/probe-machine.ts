/**
 * Finds out what this machine can do, by trying what is harmless to try; all that it makes is gone afterwards. It judges
 * nothing. Start at `probeMachine`.
 */
import { constants } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import { errnoCode, messageOf, TsbuildError } from '../../base/errors.ts';
import { releaseAll, releasing } from '../../base/releasing.ts';
import { removeTree } from '../../layer/layer.ts';
import { startHelper, type Helper } from '../../native/helper.ts';
import { callerName, findUserNamespace } from '../../native/user-namespace.ts';
import { treeView } from '../../native/view.ts';
import { kernelFiles, readBinfmtEntries } from '../../sandbox/binfmt.ts';
import { openCgroups } from '../../sandbox/cgroup/cgroups.ts';
import { noGroupLimits } from '../../sandbox/cgroup/group-limits.ts';
import { detectNetwork } from '../../sandbox/network.ts';
import { canOverlay, missingForNamespaces, probeSandbox, type Try } from '../../sandbox/probe.ts';
import { runStep } from '../../sandbox/run-step.ts';
import { stepFilter } from '../../sandbox/step-filter.ts';
import type { Facts } from './facts.ts';
import { findProgram, gitVersion } from './programs.ts';

export interface ProbeOptions {
  readonly storeRoot: string;
  /** Directories of programs, as in PATH. */
  readonly searchPath: string;
  readonly terminal: Facts['terminal'];
}

/** Never rejects for what the machine cannot do: that is an answer. */
export async function probeMachine({ storeRoot, searchPath, terminal }: ProbeOptions): Promise<Facts> {
  const triedIn = await nearestFolder(storeRoot);
  const store = { path: storeRoot, triedIn, ...(await probeStore(triedIn)) };
  const userNamespace = await findUserNamespace();
  const sandbox = store.failure === null ? await probeIsolation(triedIn) : { namespaces: { failure: store.failure, tries: [] }, step: null };
  const network = await detectNetwork(searchPath, userNamespace !== null);
  const programs = await Promise.all(['newuidmap', 'newgidmap'].map((name) => findProgram(name, searchPath)));
  return {
    node: process.version,
    kernel: release(),
    architecture: process.arch,
    user: { uid: process.geteuid?.() ?? 0, name: callerName() },
    ...sandbox,
    ids: { kind: userNamespace?.kind ?? 'machine', count: (userNamespace?.uids ?? []).reduce((sum, { count }) => sum + count, 0), hasPrograms: !programs.includes(null) },
    settings: await readSettings(),
    store,
    cgroups: await probeCgroups(),
    network: network.kind === 'found' ? { program: network.programs[0].name, reason: '', install: '' } : { program: null, ...network },
    interpreters: (await readBinfmtEntries(kernelFiles)).map(({ name }) => name),
    git: await gitVersion(searchPath),
    ssh: await findProgram('ssh', searchPath),
    label: await readLabel(),
    terminal,
  };
}

async function nearestFolder(path: string): Promise<string> {
  for (let folder = path; ; folder = dirname(folder)) {
    const isFolder = await stat(folder).then((found) => found.isDirectory(), () => false);
    if (isFolder || folder === dirname(folder)) return folder;
  }
}

/** Names of common file systems by `f_type` of statfs(2), linux/magic.h. */
const fileSystems: Readonly<Record<number, string>> = {
  0xef53: 'ext4', 0x58465342: 'xfs', 0x9123683e: 'btrfs', 0x01021994: 'tmpfs', 0x794c7630: 'overlayfs', 0x6969: 'nfs', 0x65735546: 'fuse', 0x2fc12fc1: 'zfs', 0x01021997: '9p', 0xff534d42: 'cifs',
};

async function probeStore(folder: string): Promise<Omit<Facts['store'], 'path' | 'triedIn'>> {
  const { type, bavail, bsize } = await statfs(folder);
  const described = { fileSystem: fileSystems[type] ?? `file system 0x${type.toString(16)}`, freeBytes: bavail * bsize };
  try {
    const sharesBlocks = await inTemporary(folder, async (place) => {
      await writeFile(join(place, 'a'), 'a');
      return copyFile(join(place, 'a'), join(place, 'b'), constants.COPYFILE_FICLONE_FORCE).then(() => true, () => false);
    });
    return { ...described, failure: null, sharesBlocks };
  } catch (error) {
    if (errnoCode(error) === undefined) throw error;
    return { ...described, failure: messageOf(error), sharesBlocks: false };
  }
}

async function inTemporary<Result>(folder: string, work: (place: string) => Promise<Result>): Promise<Result> {
  const place = await mkdtemp(join(folder, '.tsbuild-doctor-'));
  return releasing(() => work(place), () => rm(place, { recursive: true, force: true }));
}

/** In the order of a build: namespaces, then for root chroot; and a step in what was chosen. */
async function probeIsolation(folder: string): Promise<Pick<Facts, 'namespaces' | 'step'>> {
  const started = await tryStart('namespaces');
  const tries = 'failure' in started ? [] : await releaseUnlessKept(started, (helper) => probeSandbox(helper, folder));
  const namespaces = { failure: 'failure' in started ? started.failure : null, tries };
  if (!('failure' in started)) {
    if (missingForNamespaces(tries) === null) return { namespaces, step: { isolation: 'namespaces', failure: await tryStepAndClose(started, folder, canOverlay(tries)) } };
    await started.close();
  }
  if (process.geteuid?.() !== 0) return { namespaces, step: null };
  const other = await tryStart('chroot');
  const failure = 'failure' in other ? other.failure : await tryStepAndClose(other, folder, false);
  return { namespaces, step: { isolation: 'chroot', failure } };
}

async function tryStart(isolation: 'namespaces' | 'chroot'): Promise<Helper | { readonly failure: string }> {
  try {
    return await startHelper({ isolation });
  } catch (error) {
    if (!(error instanceof TsbuildError)) throw error;
    return { failure: error.message };
  }
}

async function releaseUnlessKept(helper: Helper, work: (helper: Helper) => Promise<readonly Try[]>): Promise<readonly Try[]> {
  try {
    return await work(helper);
  } catch (error) {
    await helper.close();
    throw error;
  }
}

/** Null: a step came as far as its command, which is not there. */
async function tryStepAndClose(helper: Helper, folder: string, overlay: boolean): Promise<string | null> {
  const place = await mkdtemp(join(folder, '.tsbuild-doctor-'));
  return releasing(async () => {
    for (const name of ['lower', 'upper', 'work', 'tree']) await mkdir(join(place, name), { mode: 0o755 });
    const lowers = [{ kind: 'directory', path: join(place, 'lower') }] as const;
    const root = overlay ? { lowers, upper: join(place, 'upper'), work: join(place, 'work') } : treeView(join(place, 'tree'));
    return tryStep(helper, root);
  }, () => releaseAll([() => removeTree(helper, place), () => helper.close()]));
}

async function tryStep(helper: Helper, root: Parameters<typeof runStep>[1]['root']): Promise<string | null> {
  const { isolation, userNamespace } = helper;
  const spec = {
    root, isolation, userNamespace, argv: ['/tsbuild-doctor'], env: [], cwd: '/', user: { uid: 0, gid: 0, groups: [] }, network: isolation === 'chroot' ? 'host' : 'none', hostname: 'doctor', hosts: '', resolvConf: '',
    mounts: [], stepIds: null, security: 'sandbox', shmSizeBytes: 1 << 20, cgroups: { files: [], view: null }, ulimits: [], seccomp: stepFilter(process.arch === 'arm64' ? 'arm64' : 'x64', isolation), landlockScope: false,
  } as const;
  try {
    const { execErrno } = await runStep(helper, spec, { onOutput: () => undefined });
    return execErrno === 'ENOENT' ? null : `its end was not expected (${execErrno ?? 'none'})`;
  } catch (error) {
    if (!(error instanceof TsbuildError)) throw error;
    return error.message;
  }
}

async function probeCgroups(): Promise<Facts['cgroups']> {
  let missing: string | null = null;
  try {
    const supply = await openCgroups({ limits: noGroupLimits, onWarning: (text) => (missing = text) });
    return await releasing(async () => {
      const group = await supply.make();
      await group.remove();
      return { version: group.cgroups.view?.version ?? null, missing };
    }, () => supply.close());
  } catch (error) {
    if (!(error instanceof TsbuildError)) throw error;
    return { version: null, missing: error.message };
  }
}

const settings = ['user.max_user_namespaces', 'kernel.unprivileged_userns_clone', 'kernel.apparmor_restrict_unprivileged_userns'] as const;

async function readSettings(): Promise<Facts['settings']> {
  const values = await Promise.all(settings.map(async (name) => [name, await readOptional(`/proc/sys/${name.replaceAll('.', '/')}`)] as const));
  return Object.fromEntries(values.flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}

async function readLabel(): Promise<string | null> {
  const label = (await readOptional('/proc/self/attr/current'))?.replaceAll('\0', '') ?? '';
  return label === '' ? null : label;
}

/** Null where it is not there, or may not be read. */
async function readOptional(path: string): Promise<string | null> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (errnoCode(error) === undefined) throw error;
    return null;
  }
}
