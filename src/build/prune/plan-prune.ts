/** Decides what goes: pure, over an inventory and a list of what is in use. */
import type { EntryKind } from './entry-kinds.ts';
import type { Entry, Inventory } from './inventory.ts';

export interface PrunePolicy {
  /**
   * Also what is made or fetched again without a loss: base images, what named images share or can be made again from, digests
   * of contexts, logs.
   */
  readonly all: boolean;
  /** Only these kinds; null for all. */
  readonly kinds: ReadonlySet<EntryKind> | null;
  /** Only what was not used since then, in milliseconds since the epoch. */
  readonly unusedSinceMs: number | null;
  /** Stops, the least recently used first, when the cache has so many bytes left. */
  readonly keepBytes: number | null;
}

export interface PrunePlan {
  readonly entries: readonly Entry[];
  /** In hex. */
  readonly blobs: readonly string[];
  readonly freedBytes: number;
}

export interface CacheUse {
  /** Of everything that no named image needs. */
  readonly cacheBytes: number;
  readonly imageBytes: number;
}

/** Kinds that are made again from what an image keeps. */
const derivedKinds: ReadonlySet<EntryKind> = new Set(['snapshot', 'unpacked layer', 'context digests', 'log']);

/** Bytes by what they are for. */
export function measureUse({ entries, blobs }: Inventory): CacheUse {
  const image = neededByImages(entries);
  let [cacheBytes, imageBytes] = [0, 0];
  for (const [hex, { sizeBytes }] of blobs) {
    if (image.has(hex)) imageBytes += sizeBytes;
    else cacheBytes += sizeBytes;
  }
  return { cacheBytes: cacheBytes + sum(entries.map(({ ownBytes }) => ownBytes)), imageBytes };
}

/** @param leased paths below the root, and blobs by theirs, that running processes rely on */
export function planPrune(inventory: Inventory, isLeased: IsLeased, policy: PrunePolicy): PrunePlan {
  const { entries, blobs } = inventory;
  const image = neededByImages(entries);
  const users = countUsers(entries);
  const plan = { entries: [] as Entry[], blobs: [] as string[], freedBytes: 0 };
  let { cacheBytes } = measureUse(inventory);
  const chosen = new Set<Entry>();
  const derivedFrom = derivedEntries(entries, isLeased);
  for (const entry of candidates(entries, image, isLeased, policy)) {
    if (policy.keepBytes !== null && cacheBytes <= policy.keepBytes) break;
    const freed = entry.needs.filter((hex) => release(users, hex) && blobs.has(hex));
    const gone = [entry, ...freed.flatMap((hex) => derivedFrom.get(hex) ?? [])].filter((one) => !chosen.has(one));
    const freedBytes = sum(freed.map((hex) => blobs.get(hex)?.sizeBytes ?? 0)) + sum(gone.map(({ ownBytes }) => ownBytes));
    for (const one of gone) chosen.add(one);
    plan.entries.push(...gone);
    plan.blobs.push(...freed);
    plan.freedBytes += freedBytes;
    cacheBytes -= freedBytes;
  }
  return plan;
}

/** What goes with a blob, by its hex. */
function derivedEntries(entries: readonly Entry[], isLeased: IsLeased): ReadonlyMap<string, readonly Entry[]> {
  const derived = new Map<string, Entry[]>();
  for (const entry of entries) {
    if (entry.of === undefined || (entry.path !== null && isLeased.entry(entry.path))) continue;
    derived.set(entry.of, [...(derived.get(entry.of) ?? []), entry]);
  }
  return derived;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Whether a running process relies on an entry, or on a blob by its hex. */
export interface IsLeased {
  readonly entry: (path: string) => boolean;
  readonly blob: (hex: string) => boolean;
}

/** The least recently used first; of equals those that are made again most easily. */
function candidates(entries: readonly Entry[], image: ReadonlySet<string>, isLeased: IsLeased, policy: PrunePolicy): readonly Entry[] {
  const { unusedSinceMs } = policy;
  const inUse = ({ path, needs }: Entry): boolean => (path !== null && isLeased.entry(path)) || needs.some(isLeased.blob);
  const isWanted = (entry: Entry): boolean => policy.all || !(entry.kind === 'base image' || (derivedKinds.has(entry.kind) ? isUseful(entry) : isShared(entry, image)));
  return entries
    .filter((entry) => entry.kind !== 'image' && !inUse(entry) && isWanted(entry) && policy.kinds?.has(entry.kind) !== false && (unusedSinceMs === null || entry.lastUsedMs < unusedSinceMs))
    .sort((a, b) => a.lastUsedMs - b.lastUsedMs || rank(b) - rank(a));
}

/** Derived things are kept as long as they are of use; those that are not bear no time. */
function isUseful({ lastUsedMs }: Entry): boolean {
  return lastUsedMs > 0;
}

/** Removing it would free next to nothing: images have its blobs. */
function isShared({ needs }: Entry, image: ReadonlySet<string>): boolean {
  return needs.length > 0 && needs.every((hex) => image.has(hex));
}

function rank({ kind }: Entry): number {
  return derivedKinds.has(kind) ? 1 : 0;
}

function neededByImages(entries: readonly Entry[]): ReadonlySet<string> {
  return new Set(entries.flatMap(({ kind, needs }) => (kind === 'image' ? needs : [])));
}

function countUsers(entries: readonly Entry[]): Map<string, number> {
  const users = new Map<string, number>();
  for (const { needs } of entries) for (const hex of new Set(needs)) users.set(hex, (users.get(hex) ?? 0) + 1);
  return users;
}

/** Whether nobody needs the blob any more. */
function release(users: Map<string, number>, hex: string): boolean {
  const left = (users.get(hex) ?? 0) - 1;
  users.set(hex, left);
  return left === 0;
}
