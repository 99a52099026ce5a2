/**
 * What a group's files say about what its processes used and which limits they ran into. Pure; the formats are those of
 * cgroup-v1/*.rst and cgroup-v2.rst of the kernel's documentation. Start at `readUsage`.
 */
import type { CgroupLayout, Controller } from './layout.ts';

/** What a step used; a field is absent where the kernel does not tell. */
export interface GroupUsage {
  readonly userMs?: number;
  readonly systemMs?: number;
  /** Of all processes together, with the page cache that counts as theirs. */
  readonly peakMemoryBytes?: number;
  readonly readBytes?: number;
  readonly writtenBytes?: number;
  /** Processes that the kernel killed because there was no memory. */
  readonly oomKills: number;
  /** How often a process or thread was refused by the limit of the group. */
  readonly pidsRefused: number;
}

/** The text of a group's file, or null where it cannot be read. */
export type ReadFile = (controller: Controller, file: string) => Promise<string | null>;

export async function readUsage(version: CgroupLayout['version'], read: ReadFile): Promise<GroupUsage> {
  const [measured, refused] = await Promise.all([version === 1 ? readV1(read) : readV2(read), read('pids', 'pids.events')]);
  return withoutAbsent({ ...measured, pidsRefused: field(refused, 'max') ?? 0 });
}

type Measured = { readonly [Key in keyof Omit<GroupUsage, 'oomKills' | 'pidsRefused'>]: number | undefined } & Pick<GroupUsage, 'oomKills'>;

async function readV1(read: ReadFile): Promise<Measured> {
  const [peak, oom] = await Promise.all([read('memory', 'memory.max_usage_in_bytes'), read('memory', 'memory.oom_control')]);
  return { userMs: undefined, systemMs: undefined, peakMemoryBytes: number(peak), oomKills: field(oom, 'oom_kill') ?? 0, readBytes: undefined, writtenBytes: undefined };
}

async function readV2(read: ReadFile): Promise<Measured> {
  const [cpu, peak, events, io] = await Promise.all([read('cpu', 'cpu.stat'), read('memory', 'memory.peak'), read('memory', 'memory.events'), read('io', 'io.stat')]);
  return {
    userMs: scaled(field(cpu, 'user_usec'), 1e3),
    systemMs: scaled(field(cpu, 'system_usec'), 1e3),
    peakMemoryBytes: number(peak),
    oomKills: field(events, 'oom_kill') ?? 0,
    readBytes: sum(io, / rbytes=(\d+)/),
    writtenBytes: sum(io, / wbytes=(\d+)/),
  };
}

function number(text: string | null): number | undefined {
  return text !== null && /^\d+$/.test(text.trim()) ? Number(text) : undefined;
}

/** The number behind a name, in lines of `name number`. */
function field(text: string | null, name: string): number | undefined {
  const line = text?.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return line === undefined ? undefined : number(line.slice(name.length + 1));
}

/** Over all devices, a line each. */
function sum(text: string | null, pattern: RegExp): number | undefined {
  return text?.split('\n').reduce((total, line) => total + Number(pattern.exec(line)?.[1] ?? 0), 0);
}

function scaled(value: number | undefined, divisor: number): number | undefined {
  return value === undefined ? undefined : value / divisor;
}

function withoutAbsent(usage: { readonly [Key in keyof GroupUsage]: GroupUsage[Key] | undefined }): GroupUsage {
  return Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== undefined)) as unknown as GroupUsage;
}
