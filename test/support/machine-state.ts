/** What a build could leave behind on the machine: processes, mounts, unfinished files. */
import { readdirSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errnoCode } from '../../src/base/errors.ts';

/** The ids of processes whose command line or environment holds a text. */
export function processesWith(text: string): readonly number[] {
  const ids = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number);
  return ids.filter((id) => id !== process.pid && readProc(id, 'cmdline').includes(text));
}

/** The ids of the processes that one has started, and those that they have. */
export function descendantsOf(id: number): readonly number[] {
  const own = readProcesses().filter(({ parent }) => parent === id).map((child) => child.id);
  return own.flatMap((child) => [child, ...descendantsOf(child)]);
}

/** Whether it does anything: what was killed and nobody has waited for is a name only. */
export function isRunning(id: number): boolean {
  return readProc(id, 'cmdline') !== '';
}

function readProcesses(): readonly { readonly id: number; readonly parent: number }[] {
  const ids = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number);
  return ids.map((id) => ({ id, parent: Number(/^PPid:\t(\d+)$/m.exec(readProc(id, 'status'))?.[1] ?? -1) }));
}

// A process may end between the listing and the reading.
function readProc(id: number, file: string): string {
  try {
    return readFileSync(`/proc/${String(id)}/${file}`, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(errnoCode(error) ?? '')) return '';
    throw error;
  }
}

/** The lines of this namespace's mount table that name a path. */
export function mountsBelow(path: string): readonly string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter((line) => line.includes(path));
}

/** Everything in the store's folder of unfinished things. */
export async function unfinished(store: string): Promise<readonly string[]> {
  try {
    return (await readdir(join(store, 'tmp'), { recursive: true })).sort();
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Waits for a condition that another process brings about; throws with `what` when it does not come. */
export async function until(what: string, condition: () => boolean, limitMs = 10_000): Promise<void> {
  const end = Date.now() + limitMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited ${String(limitMs)} ms in vain until ${what}`);
    await delay(10);
  }
}

/** Control groups that bear the number of a process (`sandbox/cgroup/owner.ts`). */
export function groupsOf(processID: number): readonly string[] {
  const names = readdirSync('/sys/fs/cgroup', { recursive: true, withFileTypes: true });
  return names.filter((entry) => entry.isDirectory() && entry.name.startsWith('tsbuild-') && entry.name.includes(`-${processID}-`)).map(({ name }) => name);
}
