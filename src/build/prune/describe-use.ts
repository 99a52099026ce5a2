/** What a store holds and what of it could go: `tsbuild du`. It changes nothing. */
import { join } from 'node:path';
import { readLeases } from '../../store/leases.ts';
import { blobsBelowRoot } from '../../store/open.ts';
import type { Store } from '../../store/store.ts';
import { entryKinds, type EntryKind } from './entry-kinds.ts';
import { takeInventory, type Entry, type Inventory } from './inventory.ts';
import { measureTrees } from './measure-trees.ts';
import { planPrune, type IsLeased } from './plan-prune.ts';

/** One thing in the store. */
export interface UsedEntry {
  readonly kind: EntryKind;
  readonly about: string;
  /** With the blobs that are counted for it: each blob is counted once, for the first kind and entry that needs it. */
  readonly sizeBytes: number;
  readonly lastUsedMs: number;
  /** A running process relies on it. */
  readonly inUse: boolean;
}

export interface UsedKind {
  readonly kind: EntryKind;
  readonly count: number;
  readonly sizeBytes: number;
}

export interface StoreUse {
  readonly kinds: readonly UsedKind[];
  readonly entries: readonly UsedEntry[];
  readonly totalBytes: number;
  /** What `prune` would free now, and what `prune --all` would. */
  readonly reclaimableBytes: number;
  readonly reclaimableAllBytes: number;
}

const everything = { kinds: null, unusedSinceMs: null, keepBytes: null };

/** @throws TsbuildError `STORE_INDEX_BROKEN` */
export async function describeUse(store: Store): Promise<StoreUse> {
  await store.cleaned;
  const { root, tmp } = store.paths;
  const inventory = takeInventory(root, await measureTrees(root));
  const leased = readLeases(join(root, 'tmp'), tmp);
  const isLeased: IsLeased = { entry: (path) => leased.has(path), blob: (hex) => leased.has(join(blobsBelowRoot, hex)) };
  const entries = countedOnce(inventory, isLeased);
  const kinds = entryKinds.map((kind): UsedKind => {
    const some = entries.filter((entry) => entry.kind === kind);
    return { kind, count: some.length, sizeBytes: some.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
  });
  return {
    kinds: kinds.filter(({ count }) => count > 0),
    entries,
    totalBytes: kinds.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    reclaimableBytes: planPrune(inventory, isLeased, { ...everything, all: false }).freedBytes,
    reclaimableAllBytes: planPrune(inventory, isLeased, { ...everything, all: true }).freedBytes,
  };
}

function countedOnce({ entries, blobs }: Inventory, isLeased: IsLeased): readonly UsedEntry[] {
  const counted = new Set<string>();
  const byKind = [...entries].sort((a, b) => entryKinds.indexOf(a.kind) - entryKinds.indexOf(b.kind) || b.lastUsedMs - a.lastUsedMs);
  return byKind.map((entry): UsedEntry => {
    const own = entry.needs.filter((hex) => !counted.has(hex));
    own.forEach((hex) => counted.add(hex));
    const sizeBytes = own.reduce((sum, hex) => sum + (blobs.get(hex)?.sizeBytes ?? 0), entry.ownBytes);
    const { kind, about, lastUsedMs } = entry;
    return { kind, about, sizeBytes, lastUsedMs, inUse: isInUse(entry, isLeased) };
  });
}

function isInUse({ path, needs }: Entry, isLeased: IsLeased): boolean {
  return (path !== null && isLeased.entry(path)) || needs.some(isLeased.blob);
}
