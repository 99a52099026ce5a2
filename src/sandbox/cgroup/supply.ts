/**
 * Hands out groups to the steps of a build, and makes the next ones ahead while a step runs. How a group is made comes in as
 * a function. Start at `GroupSupply`.
 */
import { releaseAll } from '../../base/releasing.ts';
import type { GroupLimits } from './group-limits.ts';
import type { EndParked } from './park.ts';
import type { MissingController, StepGroup } from './step-group.ts';

/**
 * Gives groups to the steps of one build. Those of the next steps are made ahead, each with a process that waits in it,
 * because going there takes the kernel longer than everything else that a short step needs.
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
  /**
   * Hears, before the first group is made, where this build's groups will be: in one of the directories, by a name of the
   * prefix and a number. So somebody else can remove them should this process be killed.
   */
  readonly onPlaces?: (directories: readonly string[], prefix: string) => void;
  /** Hears once what steps do without on this machine. */
  readonly onWarning: (text: string) => void;
}

/**
 * Groups that are ready or on their way, and when they are made anew. Who goes to a group first waits for all processors
 * (an RCU grace period, 10 to 20 ms); who goes at the same time waits with it. So several are made at once, while one is left.
 */
const readyMax = 4;
const readyMin = 1;

/** Begins with the first groups at once. */
export class GroupSupply implements Cgroups {
  readonly #make: () => Promise<StepGroup>;
  readonly #options: CgroupOptions;
  #aheadLeft: number;
  readonly #ready: Promise<StepGroup>[] = [];
  #hasWarned = false;

  constructor(make: () => Promise<StepGroup>, options: CgroupOptions) {
    this.#make = make;
    this.#options = options;
    this.#aheadLeft = options.aheadMax ?? 0;
    this.#prepare();
  }

  async make(): Promise<StepGroup> {
    const group = await (this.#ready.shift() ?? this.#make());
    this.#prepare();
    const text = this.#hasWarned ? null : describeMissing(group.missing);
    this.#hasWarned = true;
    if (text !== null) this.#options.onWarning(text);
    return group;
  }

  async close(): Promise<void> {
    this.#aheadLeft = 0;
    const outcomes = await Promise.allSettled(this.#ready.splice(0));
    await releaseAll(outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [() => outcome.value.remove()] : [])));
  }

  #prepare(): void {
    if (this.#ready.length > readyMin) return;
    while (this.#aheadLeft > 0 && this.#ready.length < readyMax) {
      this.#aheadLeft -= 1;
      const next = this.#make().then((group) => this.#parkIn(group));
      next.catch(() => undefined); // the step that it was for is told
      this.#ready.push(next);
    }
  }

  /** A limit of one process would leave no room for the step beside the one that waits. */
  #parkIn(group: StepGroup): StepGroup {
    const { park, limits } = this.#options;
    if (park === undefined || limits.pidsMax === 1 || group.cgroups.files.length === 0) return group;
    const end = park(group.cgroups.files);
    return { ...group, remove: () => end().then(() => group.remove()) };
  }
}

/** Only a fork bomb needs words: what cannot be measured is not shown. */
function describeMissing(missing: readonly MissingController[]): string | null {
  const pids = missing.find(({ controller }) => controller === 'pids');
  return pids === undefined ? null : `The number of processes of a RUN step has no limit here: no control group can be made (${pids.errno}).`;
}
