/**
 * Leases: what a process relies on in the store, written down before it looks, so that nobody removes it meanwhile.
 *
 * Each process has a list, one path of the store a line: the lock file of its temporary folder. It adds to the list under
 * a shared lock of the gate; who removes things reads all lists, decides and removes under the gate's exclusive lock. So a
 * name is either in the list before somebody decides, and is kept, or it is looked for after the removal, and is missing.
 * A list goes with the temporary folder that it belongs to. It also says what its process has outside of the store (`remnants.ts`).
 */
import { closeSync, openSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { diskError } from './disk-error.ts';
import type { Gate } from './lock.ts';
import { encodeRemnant, isRemnantLine, readList, type Remnant } from './remnants.ts';
import { lockSuffix } from './temporary.ts';

/** One process's leases. */
export interface Leases {
  /** Keeps a file or folder until this process ends, also one that is not there yet. Path below the store's root. */
  hold(path: string): void;
  /** Writes down what would stay outside of the store if this process were killed; to be called before it is made. */
  remember(remnants: readonly Remnant[]): void;
  close(): void;
}

/** Opens the list of this process, which has this temporary folder. */
export function openLeases(folder: string, gate: Gate): Leases {
  const held = new Set<string>();
  const path = folder + lockSuffix;
  let file: number | null = null;
  const append = (lines: readonly string[]): void => {
    try {
      gate.pass(() => {
        file ??= openSync(path, 'a', 0o600);
        writeSync(file, lines.map((line) => `${line}\n`).join(''));
      });
    } catch (error) {
      throw diskError(error, { operation: 'write', path, owner: 'store' });
    }
  };
  return {
    hold: (leased) => {
      if (held.has(leased)) return;
      append([leased]);
      held.add(leased);
    },
    remember: (remnants) => { append(remnants.map(encodeRemnant)); },
    close: () => {
      if (file !== null) closeSync(file);
      file = null;
    },
  };
}

/**
 * What all processes rely on, but for the one with the temporary folder `except`. Under the closed gate; else it is out of date when it returns. Lists of
 * dead processes count as long as they are there: opening a store removes them.
 */
export function readLeases(parent: string, except = ''): ReadonlySet<string> {
  const leased = new Set<string>();
  for (const name of readdirSync(parent)) {
    const path = join(parent, name);
    if (!name.endsWith(lockSuffix) || path === except + lockSuffix) continue;
    for (const line of readList(path).split('\n')) if (line !== '' && !isRemnantLine(line)) leased.add(line);
  }
  return leased;
}
