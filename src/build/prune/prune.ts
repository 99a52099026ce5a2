/**
 * Removes from a store what nobody needs: `tsbuild prune`, and garbage collection after a build.
 *
 * Deciding and removing are one step under the closed gate (`store/leases.ts`): what running processes rely on stays.
 * Removing means renaming into this process's temporary folder, records before the blobs that they name; being killed at
 * any moment leaves a store in which less is cached. The bytes are freed after the gate is open again.
 * Start at `pruneStore`; what there is to remove is in `inventory.ts`, what goes in `plan-prune.ts`.
 */
import { renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoCode } from '../../base/errors.ts';
import { releasing } from '../../base/releasing.ts';
import { removeTree } from '../../layer/layer.ts';
import { startHelper } from '../../native/helper.ts';
import { tryLock } from '../../native/lock.ts';
import { diskError } from '../../store/disk-error.ts';
import { readLeases } from '../../store/leases.ts';
import { blobsBelowRoot } from '../../store/open.ts';
import type { Store } from '../../store/store.ts';
import type { EntryKind } from './entry-kinds.ts';
import { takeInventory, type Entry, type LostNames } from './inventory.ts';
import { measureTrees } from './measure-trees.ts';
import { measureUse, planPrune, type CacheUse, type IsLeased, type PrunePlan, type PrunePolicy } from './plan-prune.ts';
import { makeFolder } from '../../store/durable.ts';

export interface PruneOptions extends PrunePolicy {
  /** Only says what would go. */
  readonly dryRun: boolean;
  /** What this process relies on itself counts too: for a build that collects garbage. */
  readonly keepsOwn: boolean;
}

/** One thing that went. */
export interface PrunedEntry {
  readonly kind: EntryKind;
  readonly about: string;
  /** Of itself, without blobs. */
  readonly ownBytes: number;
  readonly lastUsedMs: number;
}

export interface PruneReport {
  readonly entries: readonly PrunedEntry[];
  readonly blobs: readonly string[];
  readonly freedBytes: number;
  /** Before. */
  readonly use: CacheUse;
}

/**
 * Removes what the policy says. Builds that run at the same time keep what they use; a cache mount in use is left alone.
 * @throws TsbuildError `STORE_INDEX_BROKEN`; errors of the disk
 */
export async function pruneStore(store: Store, options: PruneOptions): Promise<PruneReport> {
  await store.cleaned;
  const { root } = store.paths;
  try {
    const sizes = await measureTrees(root);
    const aside = join(store.paths.tmp, 'pruned');
    const decide = (unnamed: LostNames): Decision => {
      const inventory = takeInventory(root, sizes, unnamed);
      return { plan: planPrune(inventory, leasedNow(store, options.keepsOwn), options), use: measureUse(inventory) };
    };
    const unnamed = options.dryRun ? noNames : await removeNames(store, await store.gate.closed(() => decide(noNames)));
    const { plan, use } = await store.gate.closed(() => {
      const decision = decide(unnamed);
      if (!options.dryRun) moveAside(root, decision.plan, aside);
      return decision;
    });
    const busy = await pruneCacheMounts(root, plan, options.dryRun ? null : aside);
    if (!options.dryRun) await removeAside(aside, plan.entries);
    return report(plan, busy, use);
  } catch (error) {
    throw diskError(error, { operation: 'prune store', path: root, owner: 'store' });
  }
}

const noNames: LostNames = new Map();

interface Decision {
  readonly plan: PrunePlan;
  readonly use: CacheUse;
}

/**
 * Takes the names of base images that are to go, first: a name never stands for an image that is gone. Who asks for one
 * meanwhile fetches it again; who uses it already has leased what it is made of.
 */
async function removeNames({ tags }: Store, { plan }: Decision): Promise<LostNames> {
  const bases = plan.entries.filter(({ kind }) => kind === 'base image');
  if (bases.length > 0) await tags.update({ removePulled: bases.map(({ about }) => about) });
  return new Map(bases.flatMap(({ about, needs: [top] }) => (top === undefined ? [] : [[top, about]])));
}

function leasedNow(store: Store, keepsOwn: boolean): IsLeased {
  const leased = readLeases(join(store.paths.root, 'tmp'), keepsOwn ? '' : store.paths.tmp);
  return { entry: (path) => leased.has(path), blob: (hex) => leased.has(join(blobsBelowRoot, hex)) };
}

function moveAside(root: string, { entries, blobs }: PrunePlan, aside: string): void {
  makeFolder(aside);
  const moved = entries.filter(({ kind }) => kind !== 'cache mount').flatMap(({ path }) => path ?? []);
  for (const [at, path] of [...moved, ...blobs.map((hex) => join(blobsBelowRoot, hex))].entries()) move(join(root, path), join(aside, String(at)));
}

function move(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (errnoCode(error) !== 'ENOENT') throw error;
  }
}

/** A cache mount has a lock of its own, which steps hold while they use it. Returns those that are in use. */
async function pruneCacheMounts(root: string, { entries }: PrunePlan, aside: string | null): Promise<ReadonlySet<Entry>> {
  const busy = new Set<Entry>();
  for (const entry of entries) {
    if (entry.kind !== 'cache mount' || entry.path === null) continue;
    const path = join(root, entry.path);
    const lock = await tryLock(`${path}.lock`, false);
    if (lock === null) busy.add(entry);
    else await releasing(() => removeCacheMount(path, entry, aside), () => lock.release());
  }
  return busy;
}

/** The lock file goes last, while it is held: who waits for it sees that it has no name any more, and makes another. */
async function removeCacheMount(path: string, { about }: Entry, aside: string | null): Promise<void> {
  if (aside === null) return;
  move(path, join(aside, `mount-${about}`));
  await rm(`${path}.lock`, { force: true });
}

/** Trees may hold files of users that only the sandbox's user namespace knows. */
async function removeAside(aside: string, entries: readonly Entry[]): Promise<void> {
  if (!entries.some(({ kind }) => kind === 'snapshot' || kind === 'cache mount')) return rm(aside, { recursive: true, force: true });
  const helper = await startHelper();
  await releasing(() => removeTree(helper, aside), () => helper.close());
}

function report({ entries, blobs, freedBytes }: PrunePlan, busy: ReadonlySet<Entry>, use: CacheUse): PruneReport {
  const kept = [...busy].reduce((sum, { ownBytes }) => sum + ownBytes, 0);
  return {
    entries: entries.filter((entry) => !busy.has(entry)).map(({ kind, about, ownBytes, lastUsedMs }) => ({ kind, about, ownBytes, lastUsedMs })),
    blobs,
    freedBytes: freedBytes - kept,
    use,
  };
}
