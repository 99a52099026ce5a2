/** The limits of docker's options for memory, processors and processes, checked as Docker's daemon checks them. */
import type { DeviceLimit, GroupLimits } from '../../sandbox/cgroup/group-limits.ts';
import type { RawBuildOptions } from './build-options.ts';
import { invalidOption } from './csv.ts';
import { parseSize } from './limits.ts';

/** Below that a step could not even start. Docker's minimum. */
const memoryBytesMin = 6 << 20;
/** The kernel's bounds (cfs_bandwidth). */
const cpuPeriodUsMin = 1_000;
const cpuPeriodUsMax = 1_000_000;
const cpuQuotaUsMin = 1_000;
const cpuPeriodDefaultUs = 100_000;
const unlimited = -1;

/** @throws TsbuildError `OPTION_VALUE` */
export function groupLimitsOf(raw: RawBuildOptions): GroupLimits {
  return {
    ...memoryOf({ memory: amount(raw.memory), memorySwap: amount(raw.memorySwap) }),
    ...processorsOf({ cpus: amount(raw.cpus), cpuQuota: amount(raw.cpuQuota), cpuPeriod: amount(raw.cpuPeriod) }),
    cpuShares: optional(amount(raw.cpuShares), (text) => parseWhole('--cpu-shares', text, { min: 2, max: 262_144 })),
    cpusetCpus: optional(raw.cpusetCpus, (text) => parseList('--cpuset-cpus', text)),
    cpusetMems: optional(raw.cpusetMems, (text) => parseList('--cpuset-mems', text)),
    pidsMax: optional(raw.pidsLimit, parsePids),
    devices: [
      ...raw.deviceReadBps.map((text) => parseDevice('read-bps', text)),
      ...raw.deviceWriteBps.map((text) => parseDevice('write-bps', text)),
      ...raw.deviceReadIops.map((text) => parseDevice('read-iops', text)),
      ...raw.deviceWriteIops.map((text) => parseDevice('write-iops', text)),
    ],
    cgroupParent: optional(raw.cgroupParent, parseParent),
  };
}

function optional<Value>(text: string | undefined, parse: (text: string) => Value): Value | null {
  return text === undefined ? null : parse(text);
}

/** As with Docker, an amount of 0 is none. */
function amount(text: string | undefined): string | undefined {
  return text === '0' ? undefined : text;
}

type Words<Name extends keyof RawBuildOptions> = { readonly [Key in Name]: string | undefined };

function memoryOf({ memory, memorySwap }: Words<'memory' | 'memorySwap'>): Pick<GroupLimits, 'memoryBytes' | 'memorySwapBytes'> {
  const memoryBytes = optional(memory, (text) => parseSize('--memory', text));
  if (memory !== undefined && memoryBytes !== null && memoryBytes < memoryBytesMin) throw invalidOption('--memory', memory, 'is too little for a process', 'Allow 6m at least.');
  if (memorySwap === undefined) return { memoryBytes, memorySwapBytes: null };
  if (memoryBytes === null) throw invalidOption('--memory-swap', memorySwap, 'needs --memory', 'It limits memory and swap together.');
  const memorySwapBytes = memorySwap === String(unlimited) ? unlimited : parseSize('--memory-swap', memorySwap);
  if (memorySwapBytes !== unlimited && memorySwapBytes < memoryBytes) throw invalidOption('--memory-swap', memorySwap, 'is below --memory', 'It limits memory and swap together.');
  return { memoryBytes, memorySwapBytes };
}

function processorsOf({ cpus, cpuQuota, cpuPeriod }: Words<'cpus' | 'cpuQuota' | 'cpuPeriod'>): Pick<GroupLimits, 'cpuQuotaUs' | 'cpuPeriodUs'> {
  if (cpus === undefined) {
    return {
      cpuQuotaUs: optional(cpuQuota, (text) => (text === String(unlimited) ? unlimited : parseWhole('--cpu-quota', text, { min: cpuQuotaUsMin, max: Number.MAX_SAFE_INTEGER }))),
      cpuPeriodUs: optional(cpuPeriod, (text) => parseWhole('--cpu-period', text, { min: cpuPeriodUsMin, max: cpuPeriodUsMax })),
    };
  }
  if (cpuQuota !== undefined || cpuPeriod !== undefined) throw invalidOption('--cpus', cpus, 'says the same as --cpu-quota and --cpu-period', 'Use one or the other.');
  const cpuQuotaUs = /^\d{1,6}(\.\d{1,9})?$/.test(cpus) ? Math.floor(Number(cpus) * cpuPeriodDefaultUs) : 0;
  if (cpuQuotaUs < cpuQuotaUsMin) throw invalidOption('--cpus', cpus, 'is not a number of processors', 'Write 0.01 or more, such as 1.5.');
  return { cpuQuotaUs, cpuPeriodUs: cpuPeriodDefaultUs };
}

function parseWhole(option: string, text: string, { min, max }: { readonly min: number; readonly max: number }): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : -1;
  if (value < min || value > max) throw invalidOption(option, text, `must be a whole number from ${min} to ${max}`);
  return value;
}

/** Numbers and ranges, as the kernel reads them. */
function parseList(option: string, text: string): string {
  const ranges = text.split(',').map((range) => /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(range));
  const isValid = ranges.every((range) => range !== null && Number(range[1]) <= Number(range[2] ?? range[1]));
  if (!isValid) throw invalidOption(option, text, 'is not a list of numbers', 'Write numbers and ranges, such as 0-3,8.');
  return text;
}

/** As with Docker, 0 and -1 mean no limit. */
function parsePids(text: string): number {
  if (text === '0' || text === String(unlimited)) return unlimited;
  return parseWhole('--pids-limit', text, { min: 1, max: 4_194_304 });
}

/** `PATH:RATE`, as of docker run. */
function parseDevice(what: DeviceLimit['what'], text: string): DeviceLimit {
  const option = `--device-${what}`;
  const colon = text.lastIndexOf(':');
  const path = text.slice(0, Math.max(colon, 0));
  if (!path.startsWith('/')) throw invalidOption(option, text, 'must have the form PATH:RATE', 'For example /dev/sda:10m.');
  const words = text.slice(colon + 1);
  const rate = what.endsWith('bps') ? parseSize(option, words) : parseWhole(option, words, { min: 1, max: Number.MAX_SAFE_INTEGER });
  if (rate === 0) throw invalidOption(option, text, 'would let nothing through');
  return { path, what, rate };
}

function parseParent(text: string): string {
  const names = text.split('/');
  if (text === '' || text.includes('\0') || names.some((name) => name === '..' || name === '.')) {
    throw invalidOption('--cgroup-parent', text, 'is not a path of a control group', 'Write a path such as /builds, below the root of the control groups.');
  }
  return text;
}
