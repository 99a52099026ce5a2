/**
 * Control groups of steps: what limits and measures all processes of a RUN together. This file finds where groups can be
 * made, removes those that a killed build has left, and gives each step one. Which file gets which value is in
 * `group-limits.ts`. It starts no process. Start at `openCgroups`.
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoCode, TsbuildError } from '../../base/errors.ts';
import { cgroupFiles, type CgroupFiles } from './files.ts';
import { planSettings, type DeviceLimit, type GroupLimits, type Setting } from './group-limits.ts';
import { parseLayout, type CgroupLayout, type Controller } from './layout.ts';
import { groupName, groupPrefix, isAbandoned, readOwner, type Owner } from './owner.ts';
import { findParents, type GroupParent } from './parents.ts';
import { makeGroup, tryRemoveGroup, type StepGroup } from './step-group.ts';
import { GroupSupply, type Cgroups, type CgroupOptions } from './supply.ts';

export type { StepGroup } from './step-group.ts';
export type { Cgroups, CgroupOptions } from './supply.ts';

/**
 * Trees that every step has a group in; those of the others only where a limit needs them. The `blkio` of v1 is no help:
 * since Linux 6.10 it counts nothing unless it throttles, and wait4(2) tells as much.
 */
const measuring: readonly Controller[] = ['memory', 'pids'];

/**
 * Finds the groups of this machine.
 * @throws TsbuildError `LIMIT_UNAVAILABLE`, `LIMIT_REFUSED` where `--cgroup-parent` cannot be
 */
export async function openCgroups(options: CgroupOptions): Promise<Cgroups> {
  const [mountinfo, selfCgroup, owner] = await Promise.all([readFile('/proc/self/mountinfo', 'utf8'), readFile('/proc/self/cgroup', 'utf8'), readOwner()]);
  return openCgroupsOf(parseLayout(mountinfo, selfCgroup), owner, cgroupFiles, options);
}

/** The same, of any layout. */
export async function openCgroupsOf(layout: CgroupLayout | null, owner: Owner, files: CgroupFiles, options: CgroupOptions): Promise<Cgroups> {
  const { limits } = options;
  if (limits.cgroupParent?.split('/').includes('..') === true) {
    throw new TsbuildError('usage', 'LIMIT_REFUSED', `limit --cgroup-parent: ${limits.cgroupParent}: leads upwards`, { hint: 'Write an absolute path, as below the root of the control groups.' });
  }
  const settings = planSettings(layout?.version ?? 2, limits, await deviceNumbersOf(limits));
  const used = usedPart(layout ?? { version: 2, hierarchies: [] }, settings);
  const parents = await parentsOf(used, limits, owner, files);
  for (const { directory } of parents) await removeAbandoned(directory, owner, files);
  options.onPlaces?.(parents.map(({ directory }) => directory), groupPrefix(owner));
  let count = 0;
  const make = (): Promise<StepGroup> => withFreeName(() => makeGroup({ version: used.version, parents, name: groupName(owner, (count += 1)), settings, files }));
  return new GroupSupply(make, options);
}

/** `MAJOR:MINOR` of the devices, as makedev(3) splits them. */
async function deviceNumbersOf({ devices }: GroupLimits): Promise<ReadonlyMap<string, string>> {
  const numberOf = async ({ path, what }: DeviceLimit): Promise<readonly [string, string]> => {
    const found = await stat(path, { bigint: true }).catch((error: unknown) => {
      if (['ENOENT', 'ENOTDIR'].includes(errnoCode(error) ?? '')) return null;
      throw error;
    });
    if (found?.isBlockDevice() === true) {
      const { rdev } = found;
      return [path, `${(rdev >> 8n) & 0xfffn}:${(rdev & 0xffn) | ((rdev >> 12n) & 0xfff00n)}`];
    }
    throw new TsbuildError('usage', 'LIMIT_REFUSED', `limit --device-${what}: ${path}: not a block device`, { hint: 'Name the device of a disk, such as /dev/sda: lsblk lists them.' });
  };
  return new Map(await Promise.all(devices.map(numberOf)));
}

/** The trees that a step gets a group in. */
function usedPart({ version, hierarchies }: CgroupLayout, settings: readonly Setting[]): CgroupLayout {
  const wanted = new Set([...measuring, ...settings.map(({ controller }) => controller)]);
  return { version, hierarchies: hierarchies.filter((hierarchy) => hierarchy.controllers.some((controller) => wanted.has(controller))) };
}

async function parentsOf(layout: CgroupLayout, { cgroupParent }: GroupLimits, owner: Owner, files: CgroupFiles): Promise<readonly GroupParent[]> {
  try {
    return await findParents(layout, cgroupParent, owner, files);
  } catch (cause) {
    if (errnoCode(cause) === undefined) throw cause;
    if (cgroupParent === null) return []; // as on a machine without control groups
    throw new TsbuildError('machine', 'LIMIT_UNAVAILABLE', `limit --cgroup-parent: ${cgroupParent}: cannot be made: ${errnoCode(cause)}`, {
      hint: 'Name a group below which tsbuild may make others.',
      cause,
    });
  }
}

/** Groups of builds that were killed. One that is busy has a step that is about to end. */
async function removeAbandoned(directory: string, owner: Owner, files: CgroupFiles): Promise<void> {
  const names = await files.groups(directory).catch((error: unknown) => {
    if (['ENOENT', 'EACCES', 'EPERM'].includes(errnoCode(error) ?? '')) return [];
    throw error;
  });
  for (const name of names) {
    if (await isAbandoned(name, owner)) await tryRemoveGroup(join(directory, name), files);
  }
}

/** Another build of this process may have taken a name. */
async function withFreeName(make: () => Promise<StepGroup>): Promise<StepGroup> {
  for (;;) {
    try {
      return await make();
    } catch (error) {
      if (errnoCode(error) !== 'EEXIST') throw error;
    }
  }
}
