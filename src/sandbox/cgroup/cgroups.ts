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
import { groupName, isAbandoned, readOwner, type Owner } from './owner.ts';
import { findParents, type GroupParent } from './parents.ts';
import type { EndParked } from './park.ts';
import { makeGroup, removeGroup, type MissingController, type StepGroup } from './step-group.ts';

export type { StepGroup } from './step-group.ts';

/**
 * Gives groups to the steps of one build. The group of the next step is made ahead, with a process that waits in it, because
 * going there takes the kernel longer than everything else that a short step needs.
 */
export interface Cgroups {
  /**
   * The group of a step, which the caller removes.
   * @throws TsbuildError `LIMIT_UNAVAILABLE`, class machine, `LIMIT_REFUSED`, class usage
   */
  make(): Promise<StepGroup>;
  /** Removes what was made ahead and not used. No step may run any more. */
  close(): Promise<void>;
}

export interface CgroupOptions {
  readonly limits: GroupLimits;
  /** So many groups are made ahead at most, all in all. */
  readonly aheadMax?: number;
  /** Sends a process into a group that was made ahead. */
  readonly park?: (cgroupFiles: readonly string[]) => EndParked;
  /** Hears once what steps do without on this machine. */
  readonly onWarning: (text: string) => void;
}

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
  let count = 0;
  const make = (): Promise<StepGroup> => withFreeName(() => makeGroup({ version: used.version, parents, name: groupName(owner, (count += 1)), settings, files }));
  return new GroupSupply(make, options);
}

class GroupSupply implements Cgroups {
  readonly #make: () => Promise<StepGroup>;
  readonly #options: CgroupOptions;
  #aheadLeft: number;
  #next: Promise<StepGroup> | null = null;
  #hasWarned = false;

  constructor(make: () => Promise<StepGroup>, options: CgroupOptions) {
    this.#make = make;
    this.#options = options;
    this.#aheadLeft = options.aheadMax ?? 0;
    this.#prepare();
  }

  async make(): Promise<StepGroup> {
    const next = this.#next;
    this.#next = null;
    const group = await (next ?? this.#make());
    this.#prepare();
    const text = this.#hasWarned ? null : describeMissing(group.missing);
    this.#hasWarned = true;
    if (text !== null) this.#options.onWarning(text);
    return group;
  }

  async close(): Promise<void> {
    const next = this.#next;
    this.#next = null;
    this.#aheadLeft = 0;
    const [outcome] = await Promise.allSettled([next]);
    if (outcome.status === 'fulfilled') await outcome.value?.remove();
  }

  #prepare(): void {
    if (this.#aheadLeft <= 0 || this.#next !== null) return;
    this.#aheadLeft -= 1;
    this.#next = this.#make().then((group) => this.#parkIn(group));
    this.#next.catch(() => undefined); // the step that it was for is told
  }

  /** A limit of one process would leave no room for the step beside the one that waits. */
  #parkIn(group: StepGroup): StepGroup {
    const { park, limits } = this.#options;
    if (park === undefined || limits.pidsMax === 1 || group.cgroups.files.length === 0) return group;
    const end = park(group.cgroups.files);
    return { ...group, remove: () => end().then(() => group.remove()) };
  }
}

/** `MAJOR:MINOR` of the devices, as makedev(3) splits them. */
async function deviceNumbersOf({ devices }: GroupLimits): Promise<ReadonlyMap<string, string>> {
  const numberOf = async ({ path, what }: DeviceLimit): Promise<readonly [string, string]> => {
    const found = await stat(path, { bigint: true }).catch(() => null);
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
    throw new TsbuildError('machine', 'LIMIT_UNAVAILABLE', `limit --cgroup-parent: ${cgroupParent ?? ''}: cannot be made: ${errnoCode(cause) ?? String(cause)}`, {
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
    if (await isAbandoned(name, owner)) await removeGroup(join(directory, name), files).catch(unlessBusy);
  }
}

function unlessBusy(error: unknown): void {
  if (!['EBUSY', 'EACCES', 'EPERM', 'EROFS'].includes(errnoCode(error) ?? '')) throw error;
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

/** Only a fork bomb needs words: what cannot be measured is not shown. */
function describeMissing(missing: readonly MissingController[]): string | null {
  const pids = missing.find(({ controller }) => controller === 'pids');
  return pids === undefined ? null : `The number of processes of a RUN step has no limit here: no control group can be made (${pids.errno}).`;
}
