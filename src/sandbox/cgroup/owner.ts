/**
 * Who made a group, told by its name: so a build finds the groups that a killed one has left. It removes nothing.
 * A process is its number and its start, as numbers come back; and both count in one pid namespace only.
 */
import { readFile, readlink } from 'node:fs/promises';
import { errnoCode } from '../../base/errors.ts';

export interface Owner {
  /** The number of the pid namespace. */
  readonly namespace: string;
  readonly pid: number;
  /** When it started, in ticks since the machine did. */
  readonly start: string;
}

/** This process. */
export async function readOwner(): Promise<Owner> {
  const [link, start] = await Promise.all([readlink('/proc/self/ns/pid'), readStart('self')]);
  return { namespace: link.replace(/\D/g, ''), pid: process.pid, start: start ?? '0' };
}

/** What the names of all groups of the owner begin with. */
export function groupPrefix({ namespace, pid, start }: Owner): string {
  return `tsbuild-${namespace}-${pid}-${start}-`;
}

/** The name of the owner's n-th group. */
export function groupName(owner: Owner, number: number): string {
  return `${groupPrefix(owner)}${number}`;
}

/** Whether a group of this name was made by a process of our pid namespace that has ended. */
export async function isAbandoned(name: string, self: Owner): Promise<boolean> {
  const match = /^tsbuild-(\d+)-(\d+)-(\d+)-\d+$/.exec(name);
  if (match === null || match[1] !== self.namespace) return false;
  return (await readStart(match[2] ?? '')) !== match[3];
}

/** Whether it is the owner, or was started by it or by what it started. */
export async function isOwnProcess(pid: number, owner: Owner): Promise<boolean> {
  for (let at = pid; at > 0; at = Number((await readStat(String(at)))?.[parentField] ?? 0)) {
    if (at === owner.pid) return true;
  }
  return false;
}

async function readStart(pid: string): Promise<string | null> {
  return (await readStat(pid))?.[startField] ?? null;
}

/** Fields 4 and 22 of `/proc/PID/stat`, counted from the third (proc_pid_stat(5)). */
const parentField = 1;
const startField = 19;

/** The fields from the third on; the second may hold spaces and brackets. null where there is no such process. */
async function readStat(pid: string): Promise<readonly string[] | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch (error) {
    if (errnoCode(error) === 'ENOENT' || errnoCode(error) === 'ESRCH') return null;
    throw error;
  }
}
