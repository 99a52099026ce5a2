/** A RUN step in its control group: limits, what it used, and what it ran into, in words. */
import type { StepUsage } from '../base/events.ts';
import { undo } from '../base/releasing.ts';
import type { Cgroups } from '../sandbox/cgroup/cgroups.ts';
import { pidsMaxDefault, type GroupLimits } from '../sandbox/cgroup/group-limits.ts';
import type { GroupUsage } from '../sandbox/cgroup/usage.ts';
import type { StepCgroups, StepResult } from '../sandbox/step.ts';

/** How a step ended, with what its group says. */
export interface GroupedResult extends StepResult {
  readonly group: GroupUsage;
}

/** A step that has ended in its group. */
export interface RanInGroup {
  readonly result: GroupedResult;
  /** Removes the group; nothing of the step needs it any more. */
  readonly remove: () => Promise<void>;
}

/** Runs a step in a group of its own. Where it cannot be run the group is removed at once. */
export async function runInGroup(supply: Cgroups, run: (cgroups: StepCgroups) => Promise<StepResult>): Promise<RanInGroup> {
  const group = await supply.make();
  const remove = (): Promise<void> => group.remove();
  try {
    const result = await run(group.cgroups);
    const usage = await group.measure();
    return { result: { ...result, usage: mergeUsage(result.usage, usage), group: usage }, remove };
  } catch (error) {
    throw await undo(error, remove);
  }
}

/** The group counts all processes, also those that nobody waited for; the kernel's count of single ones stands in for it. */
function mergeUsage(own: StepUsage, { oomKills: _, pidsRefused: __, ...group }: GroupUsage): StepUsage {
  return { ...own, ...group };
}

/** What the kernel refused the step, as the end of a sentence; null if nothing. */
export function describeRefusals({ oomKills, pidsRefused }: GroupUsage, limits: GroupLimits): string | null {
  if (oomKills > 0) {
    const where = limits.memoryBytes === null ? 'this machine had no memory left' : `the limit is ${describeSize(limits.memoryBytes)}`;
    return `out of memory: ${where}, and the kernel killed ${oomKills === 1 ? 'a process' : `${oomKills} processes`}`;
  }
  if (pidsRefused > 0) return `out of processes: the limit is ${limits.pidsMax ?? pidsMaxDefault}`;
  return null;
}

/** What to do about it. */
export function refusalHint({ oomKills }: GroupUsage, limits: GroupLimits): string {
  if (oomKills === 0) return 'Give the step more with --pids-limit, or -1 for no limit.';
  return limits.memoryBytes === null ? 'Give the machine, or the group that tsbuild runs in, more memory, or let fewer steps run at once (--jobs).' : 'Give the step more with --memory.';
}

const units = [['g', 1024 ** 3], ['m', 1024 ** 2], ['k', 1024]] as const;

/** In the syntax of --memory. */
function describeSize(bytes: number): string {
  const unit = units.find(([, size]) => bytes % size === 0);
  return unit === undefined ? `${bytes} bytes` : `${bytes / unit[1]}${unit[0]}`;
}
