/**
 * What a step's control group is told: which file gets which value, for both versions of control groups. Pure; the same
 * meaning as Docker's options, as moby and runc translate them. Start at `planSettings`.
 */
import type { CgroupLayout, Controller } from './layout.ts';

/** `--device-read-bps` and its kin: bytes or operations a second from or to one block device. */
export interface DeviceLimit {
  /** As written, such as `/dev/sda`. */
  readonly path: string;
  readonly what: 'read-bps' | 'write-bps' | 'read-iops' | 'write-iops';
  readonly rate: number;
}

/** Limits for each RUN step. null: no limit, or what Docker makes of the others. */
export interface GroupLimits {
  readonly memoryBytes: number | null;
  /** Memory and swap together; -1 is unlimited. null with a memory limit: twice that, as with Docker. */
  readonly memorySwapBytes: number | null;
  readonly cpuQuotaUs: number | null;
  readonly cpuPeriodUs: number | null;
  /** A weight against others, 1024 where nothing is said. */
  readonly cpuShares: number | null;
  /** As the kernel reads it: `0-3,8`. */
  readonly cpusetCpus: string | null;
  readonly cpusetMems: string | null;
  /** Processes and threads; -1 is unlimited, null the default. */
  readonly pidsMax: number | null;
  readonly devices: readonly DeviceLimit[];
  /** Absolute: below the tree's root. Relative: below the group that would be chosen otherwise. */
  readonly cgroupParent: string | null;
}

export const noGroupLimits: GroupLimits = {
  memoryBytes: null, memorySwapBytes: null, cpuQuotaUs: null, cpuPeriodUs: null, cpuShares: null, cpusetCpus: null, cpusetMems: null,
  pidsMax: null, devices: [], cgroupParent: null,
};

/**
 * Processes and threads of a step where the user does not say: far more than a compiler on a hundred processors starts, far
 * less than what makes a machine unusable. RLIMIT_NPROC would not do: it does not bind root.
 */
export const pidsMaxDefault = 8192;

/** The kernel's own period (cfs_bandwidth). */
const cpuPeriodDefaultUs = 100_000;

/** One value for one file of the group. */
export interface Setting {
  readonly controller: Controller;
  readonly file: string;
  readonly value: string;
  /** The option that asks for it; null where nobody did, and what cannot be is passed over. */
  readonly option: string | null;
}

/**
 * The settings, in the order in which they have to be written.
 * @param deviceNumbers `254:0` by path, of every device that is limited
 */
export function planSettings(version: CgroupLayout['version'], limits: GroupLimits, deviceNumbers: ReadonlyMap<string, string> = new Map()): readonly Setting[] {
  const own = version === 1 ? [...memoryV1(limits), ...cpuV1(limits)] : [...memoryV2(limits), ...cpuV2(limits)];
  return [...own, ...shared(limits), ...limits.devices.map((device) => deviceSetting(version, device, deviceNumbers.get(device.path) ?? ''))];
}

function swapLimit({ memoryBytes, memorySwapBytes }: GroupLimits): number | null {
  return memorySwapBytes ?? (memoryBytes === null ? null : memoryBytes * 2);
}

const swapOption = ({ memorySwapBytes }: GroupLimits): string | null => (memorySwapBytes === null ? null : '--memory-swap');

/** Memory first: the kernel refuses a sum below its part. */
function memoryV1(limits: GroupLimits): Setting[] {
  const { memoryBytes } = limits;
  const swap = swapLimit(limits);
  return [
    ...(memoryBytes === null ? [] : [{ controller: 'memory', file: 'memory.limit_in_bytes', value: String(memoryBytes), option: '--memory' } as const]),
    ...(swap === null ? [] : [{ controller: 'memory', file: 'memory.memsw.limit_in_bytes', value: String(swap), option: swapOption(limits) } as const]),
  ];
}

/** In cgroup2 swap has a limit of its own. */
function memoryV2(limits: GroupLimits): Setting[] {
  const { memoryBytes } = limits;
  const total = swapLimit(limits);
  if (memoryBytes === null) return [];
  const swap = total === null || total === -1 ? 'max' : String(total - memoryBytes);
  return [
    { controller: 'memory', file: 'memory.max', value: String(memoryBytes), option: '--memory' },
    { controller: 'memory', file: 'memory.swap.max', value: swap, option: swapOption(limits) },
  ];
}

function cpuV1({ cpuQuotaUs, cpuPeriodUs, cpuShares }: GroupLimits): Setting[] {
  const setting = (file: string, value: number | null, option: string): Setting[] => (value === null ? [] : [{ controller: 'cpu', file, value: String(value), option }]);
  return [
    ...setting('cpu.cfs_period_us', cpuPeriodUs, '--cpu-period'),
    ...setting('cpu.cfs_quota_us', cpuQuotaUs, '--cpu-quota'),
    ...setting('cpu.shares', cpuShares, '--cpu-shares'),
  ];
}

function cpuV2({ cpuQuotaUs, cpuPeriodUs, cpuShares }: GroupLimits): Setting[] {
  const quota = cpuQuotaUs === null || cpuQuotaUs < 0 ? 'max' : String(cpuQuotaUs);
  return [
    ...(cpuQuotaUs === null && cpuPeriodUs === null ? [] : [{ controller: 'cpu', file: 'cpu.max', value: `${quota} ${cpuPeriodUs ?? cpuPeriodDefaultUs}`, option: cpuQuotaUs === null ? '--cpu-period' : '--cpu-quota' } as const]),
    ...(cpuShares === null ? [] : [{ controller: 'cpu', file: 'cpu.weight', value: String(weightOfShares(cpuShares)), option: '--cpu-shares' } as const]),
  ];
}

/** Shares go from 2 to 262144, weights from 1 to 10000: the line between the ends (Kubernetes KEP 2254). */
function weightOfShares(shares: number): number {
  const clamped = Math.min(Math.max(shares, 2), 262_144);
  return Math.floor(1 + ((clamped - 2) * 9999) / 262_142);
}

function shared({ cpusetCpus, cpusetMems, pidsMax }: GroupLimits): Setting[] {
  const processes = pidsMax ?? pidsMaxDefault;
  return [
    ...(cpusetCpus === null ? [] : [{ controller: 'cpuset', file: 'cpuset.cpus', value: cpusetCpus, option: '--cpuset-cpus' } as const]),
    ...(cpusetMems === null ? [] : [{ controller: 'cpuset', file: 'cpuset.mems', value: cpusetMems, option: '--cpuset-mems' } as const]),
    { controller: 'pids', file: 'pids.max', value: processes === -1 ? 'max' : String(processes), option: pidsMax === null ? null : '--pids-limit' },
  ];
}

/** Lines of `io.max` for one device add up; v1 has a file for each kind. */
function deviceSetting(version: CgroupLayout['version'], { what, rate }: DeviceLimit, number: string): Setting {
  const [direction, unit] = what.split('-') as ['read' | 'write', 'bps' | 'iops'];
  const option = `--device-${what}`;
  if (version === 1) return { controller: 'io', file: `blkio.throttle.${direction}_${unit}_device`, value: `${number} ${rate}`, option };
  return { controller: 'io', file: 'io.max', value: `${number} ${direction === 'read' ? 'r' : 'w'}${unit}=${rate}`, option };
}
