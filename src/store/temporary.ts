/**
 * The folder for unfinished work: one for each process, guarded by a kernel lock on a file beside it. The lock ends with
 * its process, also by SIGKILL or a power cut; so what stands here without a held lock belongs to nobody.
 *
 * Life of a folder: lock file made and locked → folder made → used → folder removed → lock file removed → unlocked.
 * Only who holds the lock removes the lock file. A process that made the file, but lost the race for its lock to one that
 * looks for leftovers, tries another name.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, TsbuildError } from '../base/errors.ts';
import { undo } from '../base/releasing.ts';
import type { HeldLock, TakeLock } from './lock.ts';
import { decodeRemnants, readList, removeRemnant } from './remnants.ts';

/** The lock file of a folder has its name and this. What is in it, is `leases.ts`'s: also what its process has elsewhere. */
export const lockSuffix = '.lock';
const attemptsMax = 16;

export interface TemporaryOptions {
  /** The folder that holds the folders of all processes. */
  readonly parent: string;
  /** For people who look at the folder; the name's random part makes it unique, also between PID namespaces. */
  readonly processId: number;
  readonly lock: TakeLock;
  /** Removes a tree; rootless it must also be able to remove files of subordinate ids. */
  readonly removeTree: (path: string) => Promise<void>;
}

/** This process's folder, while it is claimed. */
export interface ClaimedFolder {
  readonly path: string;
  /** Removes the folder and gives the claim up. */
  release(): Promise<void>;
}

/** Makes a folder for this process alone. */
export async function claimTemporary(options: TemporaryOptions): Promise<ClaimedFolder> {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const path = join(options.parent, `${options.processId}-${randomBytes(8).toString('hex')}`);
    const held = await tryLock(path, options);
    if (held === null) continue;
    await mkdir(path, { mode: 0o700 });
    return { path, release: () => dismantle(path, held, options) };
  }
  throw new TsbuildError('machine', 'STORE_LOCK', `lock a folder in ${options.parent}: new files there are locked by others`, {
    hint: 'The file system of the store must support flock(2). Set TSBUILD_ROOT to a local disk.',
  });
}

/**
 * Removes what dead processes left. Never throws: leftovers cost space, not correctness; each one that stays is returned
 * as a sentence.
 */
export async function removeLeftovers(options: TemporaryOptions): Promise<readonly string[]> {
  const kept: string[] = [];
  try {
    for (const name of await readdir(options.parent)) {
      if (!name.endsWith(lockSuffix)) continue;
      const path = join(options.parent, name.slice(0, -lockSuffix.length));
      const held = await tryLock(path, options);
      if (held === null) continue;
      await removeLeftover(path, held, options).catch((error: unknown) => kept.push(`remove leftover ${path}: ${messageOf(error)}`));
    }
  } catch (error) {
    kept.push(`search ${options.parent} for leftovers: ${messageOf(error)}`);
  }
  return kept;
}

function tryLock(path: string, { lock }: TemporaryOptions): Promise<HeldLock | null> {
  return lock(path + lockSuffix, { mode: 'exclusive', wait: false });
}

/** What the dead process had outside of the store goes first: the list that names it goes with the folder. */
async function removeLeftover(path: string, held: HeldLock, options: TemporaryOptions): Promise<void> {
  try {
    for (const remnant of decodeRemnants(readList(path + lockSuffix))) await removeRemnant(remnant, options.removeTree);
  } catch (error) {
    throw await undo(error, () => held.release());
  }
  await dismantle(path, held, options);
}

/** The lock file goes last: until then the next process can still find what was left. */
async function dismantle(path: string, held: HeldLock, options: TemporaryOptions): Promise<void> {
  try {
    await options.removeTree(path);
    await rm(path + lockSuffix, { force: true });
  } finally {
    await held.release();
  }
}
