/**
 * Finds, in each tree of control groups, the group in which those of steps are made. In cgroup v1 it is this process's
 * own, so that limits on the build as a whole bind its steps. cgroup2 lets no group have both processes and limited
 * children. There this process leaves its own group for one below it where it is alone with its children, as in a service, a
 * scope of systemd-run or a container; else it is the nearest group above that has no processes of its own, or the root.
 */
import { basename, join } from 'node:path';
import { errnoCode } from '../../base/errors.ts';
import type { CgroupFiles } from './files.ts';
import type { CgroupLayout, Controller, Hierarchy } from './layout.ts';
import { groupName, isOwnProcess, type Owner } from './owner.ts';

/** Where groups of steps are made in one tree. */
export interface GroupParent {
  readonly controllers: readonly Controller[];
  /** As of the tree. */
  readonly names: readonly string[];
  readonly directory: string;
}

/** Names of the controllers in cgroup2. */
const unifiedNames = ['memory', 'cpu', 'cpuset', 'pids', 'io'] as const;

/**
 * @param cgroupParent `--cgroup-parent`; it is made where it is missing, and stays
 * @throws the system's error, with `path`, where that cannot be
 */
export async function findParents(layout: CgroupLayout, cgroupParent: string | null, owner: Owner, files: CgroupFiles): Promise<readonly GroupParent[]> {
  return Promise.all(layout.hierarchies.map(async (hierarchy) => {
    const chosen = layout.version === 1 ? hierarchy.own : await withoutProcesses(hierarchy, owner, files);
    const below = belowMount(chosen, cgroupParent);
    if (cgroupParent !== null) await makeAll(hierarchy, below, files);
    if (layout.version === 2) await delegate(hierarchy.mount, below, files);
    return { controllers: hierarchy.controllers, names: hierarchy.names, directory: join(hierarchy.mount, below) };
  }));
}

function belowMount(chosen: string, cgroupParent: string | null): string {
  if (cgroupParent === null) return chosen;
  return cgroupParent.startsWith('/') ? cgroupParent.slice(1) : join(chosen, cgroupParent);
}

/** The group that may have limited children: ours, if we can empty it, or one above; else ours, and then without limits. */
async function withoutProcesses({ mount, own }: Hierarchy, owner: Owner, files: CgroupFiles): Promise<string> {
  if (basename(own) === groupName(owner, 0)) return parentOf(own); // an earlier build of this process moved it
  if (await moveBelow(join(mount, own), owner, files)) return own;
  for (let path = own; ; path = parentOf(path)) {
    if (await mayHaveLimitedChildren(join(mount, path), files)) return path;
    if (path === '') return own;
  }
}

/**
 * Moves this process and its children from their group into one below it, if nobody else is in it. That group is left
 * behind as every other, for a later build or for who made ours. False where it cannot be.
 */
async function moveBelow(directory: string, owner: Owner, files: CgroupFiles): Promise<boolean> {
  const processes = async (): Promise<readonly number[]> => ((await readOptional(join(directory, 'cgroup.procs'), files)) ?? '').split('\n').filter((line) => line !== '').map(Number);
  const below = join(directory, groupName(owner, 0));
  for (let attempt = 0; attempt < moveAttemptsMax; attempt++) {
    const pids = await processes();
    if (pids.length === 0) return attempt > 0;
    const isOurs = await Promise.all(pids.map((pid) => isOwnProcess(pid, owner)));
    if (!isOurs.every(Boolean)) return false;
    try {
      await files.make(below).catch(unlessThere);
      for (const pid of pids) await files.write(join(below, 'cgroup.procs'), String(pid)).catch(unlessEnded);
    } catch (error) {
      unlessForbidden(error);
      return false;
    }
  }
  return (await processes()).length === 0;
}

/** A process may start others while it is moved. */
const moveAttemptsMax = 3;

function unlessThere(error: unknown): void {
  if (errnoCode(error) !== 'EEXIST') throw error;
}

function unlessEnded(error: unknown): void {
  if (errnoCode(error) !== 'ESRCH') throw error;
}

/** The root of all, which alone has no `cgroup.type`, may have both. */
async function mayHaveLimitedChildren(directory: string, files: CgroupFiles): Promise<boolean> {
  if ((await readOptional(join(directory, 'cgroup.type'), files)) === null) return true;
  return (await readOptional(join(directory, 'cgroup.procs'), files)) === '';
}

function parentOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}

/** Every directory on the way, from the tree's root. */
function wayTo(path: string): readonly string[] {
  const names = path.split('/').filter((name) => name !== '');
  return names.map((_, index) => names.slice(0, index + 1).join('/'));
}

async function makeAll(hierarchy: Hierarchy, path: string, files: CgroupFiles): Promise<void> {
  for (const below of wayTo(path)) {
    const directory = join(hierarchy.mount, below);
    const made = await files.make(directory).then(() => true, (error: unknown) => {
      if (errnoCode(error) === 'EEXIST') return false;
      throw error;
    });
    if (made && hierarchy.controllers.includes('cpuset')) await inheritCpuset(directory, files);
  }
}

/**
 * A new group of the cpuset tree of v1 has no processors and takes no process: it gets those of the group above. cgroup2
 * has other files there and does it by itself.
 */
export async function inheritCpuset(directory: string, files: CgroupFiles): Promise<void> {
  for (const name of ['cpuset.cpus', 'cpuset.mems']) {
    const above = await readOptional(join(directory, '..', name), files);
    if (above !== null && above.trim() !== '') await files.write(join(directory, name), above.trim());
  }
}

/** Hands the controllers down to the children of each group on the way, as far as we may: what is missing shows later. */
async function delegate(mount: string, path: string, files: CgroupFiles): Promise<void> {
  for (const below of ['', ...wayTo(path)]) {
    const directory = join(mount, below);
    const words = async (name: string): Promise<readonly string[]> => ((await readOptional(join(directory, name), files)) ?? '').split(/\s+/);
    const [available, enabled] = await Promise.all([words('cgroup.controllers'), words('cgroup.subtree_control')]);
    for (const name of unifiedNames.filter((candidate) => available.includes(candidate) && !enabled.includes(candidate))) {
      await files.write(join(directory, 'cgroup.subtree_control'), `+${name}`).catch(unlessForbidden);
    }
  }
}

/** EBUSY: the group has processes, as that of a container. */
function unlessForbidden(error: unknown): void {
  if (!['EACCES', 'EPERM', 'EROFS', 'EBUSY', 'ENOENT', 'EINVAL', 'EOPNOTSUPP'].includes(errnoCode(error) ?? '')) throw error;
}

/** The file's text, or null where there is none or it is not for us. */
export async function readOptional(path: string, files: CgroupFiles): Promise<string | null> {
  try {
    return await files.read(path);
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EPERM', 'EOPNOTSUPP', 'ENODEV'].includes(errnoCode(error) ?? '')) return null;
    throw error;
  }
}
