/**
 * Resource limits of each process of a step (setrlimit(2)): the same whoever builds, as far as the machine allows. What holds
 * for all processes of a step together is in `cgroup/`.
 */
import { TsbuildError } from '../base/errors.ts';
import type { Operation } from './operation.ts';
import type { Ulimit } from './step.ts';

/** The kernel's numbers, by the names that Docker's `--ulimit` uses (asm-generic/resource.h). */
export const resourceNumbers = {
  cpu: 0, fsize: 1, data: 2, stack: 3, core: 4, rss: 5, nproc: 6, nofile: 7, memlock: 8, as: 9, locks: 10,
  sigpending: 11, msgqueue: 12, nice: 13, rtprio: 14, rttime: 15,
} as const;

const unlimited = -1;

/**
 * Those of a Docker container. The soft limit of core files alone is 0: a crashing program would leave one in the layer
 * on some machines and not on others, as their core_pattern says.
 */
const defaults: readonly Ulimit[] = [
  { name: 'core', soft: 0, hard: unlimited },
  { name: 'nofile', soft: 1048576, hard: 1048576 },
  { name: 'nproc', soft: unlimited, hard: unlimited },
  { name: 'stack', soft: 8388608, hard: unlimited },
  { name: 'memlock', soft: 8388608, hard: 8388608 },
  { name: 'fsize', soft: unlimited, hard: unlimited },
  { name: 'cpu', soft: unlimited, hard: unlimited },
];

/**
 * The limits of a step: the defaults, replaced and added to by what was asked for.
 * @throws TsbuildError `ULIMIT_UNKNOWN`, `ULIMIT_INVALID`
 */
export function planLimits(asked: readonly Ulimit[]): Operation[] {
  asked.forEach(checkUlimit);
  const names = new Set(asked.map((limit) => limit.name));
  return [
    ...defaults.filter((limit) => !names.has(limit.name)).map((limit) => operationOf(limit, false)),
    ...asked.map((limit) => operationOf(limit, true)),
  ];
}

function checkUlimit({ name, soft, hard }: Ulimit): void {
  if (!Object.hasOwn(resourceNumbers, name)) {
    throw new TsbuildError('usage', 'ULIMIT_UNKNOWN', `ulimit ${JSON.stringify(name)}: there is no such limit`, {
      hint: `Limits are ${Object.keys(resourceNumbers).join(', ')}.`,
    });
  }
  const valid = [soft, hard].every((value) => Number.isSafeInteger(value) && value >= unlimited);
  if (!valid || (hard !== unlimited && (soft === unlimited || soft > hard))) {
    throw new TsbuildError('usage', 'ULIMIT_INVALID', `ulimit ${name}=${soft}:${hard}: the soft limit is above the hard one, or one is no whole number`);
  }
}

function operationOf({ name, soft, hard }: Ulimit, asked: boolean): Operation {
  return { operation: 'limit', resource: name, soft: soft === unlimited ? null : soft, hard: hard === unlimited ? null : hard, asked };
}
