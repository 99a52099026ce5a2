/**
 * Checks everything in a store that can be checked: `tsbuild store verify`. Blobs are hashed; then, under the closed gate
 * and so in one moment, names, images, records and snapshots are held against what is there.
 *
 * Repairing takes away what is broken, and what leads to it: the next build makes or fetches it again. Of snapshots that
 * cannot be proved against their layers a repair takes those that nobody uses, because they are made again.
 * Start at `verifyStore`; what is wrong with records and images is in `find-damage.ts`, with snapshots in
 * `prove-snapshots.ts`.
 */
import { createHash } from 'node:crypto';
import { constants, lstatSync, readdirSync, renameSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { isDigest } from '../../base/digest.ts';
import { errnoCode } from '../../base/errors.ts';
import { releasing } from '../../base/releasing.ts';
import { removeTree } from '../../layer/layer.ts';
import { startHelper } from '../../native/helper.ts';
import { diskError } from '../../store/disk-error.ts';
import { readLeases } from '../../store/leases.ts';
import { blobsBelowRoot } from '../../store/open.ts';
import type { Store } from '../../store/store.ts';
import { findDamage, type Damage } from './find-damage.ts';
import { proveSnapshots } from './prove-snapshots.ts';
import { makeFolder } from '../../store/durable.ts';

/** One thing that is wrong, and what became of it. */
export interface VerifiedDamage {
  /** `INDEX_LOST` is found and repaired by opening the store. */
  readonly code: Damage['code'] | 'INDEX_LOST';
  /** Below the store's root, or the name of an image. */
  readonly what: string;
  readonly text: string;
  readonly repair: 'repaired' | 'none' | 'in use';
}

export interface VerifyReport {
  readonly blobCount: number;
  readonly blobBytes: number;
  readonly imageCount: number;
  readonly recordCount: number;
  readonly damages: readonly VerifiedDamage[];
  /** Snapshots that are, entry by entry, what their layers say. */
  readonly snapshotsProved: number;
  /** Snapshots that were not compared, because the disk has no room to unpack their layers once more. */
  readonly snapshotsWithoutRoom: number;
  /** Snapshots that were removed because they could not be proved. */
  readonly snapshotsRemoved: number;
}

const chunkBytes = 1024 * 1024;

/**
 * Reads every byte of the blobs.
 * @throws errors of the disk; the signal's reason
 */
export async function verifyStore(store: Store, options: { readonly repair: boolean; readonly signal: AbortSignal }): Promise<VerifyReport> {
  const { root, tmp } = store.paths;
  await store.cleaned;
  const broken = await hashBlobs(join(root, blobsBelowRoot), options.signal);
  const proof = await proveSnapshots(store, (hex) => broken.damages.some(({ path }) => path === join(blobsBelowRoot, hex)), options.signal);
  const aside = join(tmp, 'damaged');
  const found = await store.gate.closed(() => {
    const damage = findDamage(root, broken.damages, proof.damages);
    const leased = readLeases(join(root, 'tmp'), tmp);
    if (!options.repair) return { ...damage, gone: new Set<string>(), snapshotsRemoved: 0, leased };
    makeFolder(aside);
    const gone = new Set(damage.damages.flatMap(({ path }) => (path !== null && !leased.has(path) && move(join(root, path), aside) ? [path] : [])));
    const snapshots = damage.snapshots.filter((path) => !proof.proved.has(path) && !leased.has(path) && move(join(root, path), aside));
    return { ...damage, gone, snapshotsRemoved: snapshots.length, leased };
  });
  if (options.repair) await removeAside(aside);
  if (options.repair) await repairNames(store, found.damages);
  const repairOf = ({ path, name }: Damage): VerifiedDamage['repair'] => {
    if (!options.repair) return 'none';
    if (name !== null || path === null || found.gone.has(path)) return 'repaired';
    return found.leased.has(path) ? 'in use' : 'none';
  };
  return {
    blobCount: broken.count,
    blobBytes: broken.bytes,
    imageCount: found.imageCount,
    recordCount: found.recordCount,
    damages: found.damages.map((damage) => ({ code: damage.code, what: damage.name ?? damage.path ?? 'oci/index.json', text: damage.text, repair: repairOf(damage) })),
    snapshotsProved: proof.proved.size,
    snapshotsWithoutRoom: proof.withoutRoom,
    snapshotsRemoved: found.snapshotsRemoved,
  };
}

/** Names that stand for nothing go; a broken list of names is moved aside by whoever reads it. */
async function repairNames({ tags }: Store, damages: readonly Damage[]): Promise<void> {
  await tags.list();
  const remove = damages.flatMap(({ name }) => name ?? []);
  if (remove.length > 0) await tags.update({ remove });
}

interface HashedBlobs {
  readonly count: number;
  readonly bytes: number;
  readonly damages: readonly Damage[];
}

async function hashBlobs(folder: string, signal: AbortSignal): Promise<HashedBlobs> {
  const damages: Damage[] = [];
  let [count, bytes] = [0, 0];
  for (const name of readdirSync(folder).sort()) {
    signal.throwIfAborted();
    const path = join(blobsBelowRoot, name);
    const stat = lstatSync(join(folder, name), { throwIfNoEntry: false });
    if (stat === undefined) continue;
    if (!isDigest(`sha256:${name}`) || !stat.isFile()) {
      damages.push({ code: 'STRAY_FILE', path, name: null, text: 'it is no blob' });
      continue;
    }
    const actual = await hashFile(join(folder, name), signal);
    if (actual === null) continue;
    count += 1;
    bytes += stat.size;
    if (actual !== name) damages.push({ code: 'BLOB_CORRUPT', path, name: null, text: `its bytes have the digest sha256:${actual}` });
  }
  return { count, bytes, damages };
}

/** In hex; null where it vanished. */
async function hashFile(path: string, signal: AbortSignal): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    await releasing(async () => {
      const chunks: AsyncIterable<Buffer> = file.createReadStream({ autoClose: false, highWaterMark: chunkBytes });
      for await (const chunk of chunks) {
        signal.throwIfAborted();
        hash.update(chunk);
      }
    }, () => file.close());
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return null;
    throw diskError(error, { operation: 'read blob', path, owner: 'store' });
  }
  return hash.digest('hex');
}

let asideCount = 0;

/** False where it is not there any more. */
function move(path: string, aside: string): boolean {
  try {
    renameSync(path, join(aside, String((asideCount += 1))));
    return true;
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return false;
    throw diskError(error, { operation: 'move away', path, owner: 'store' });
  }
}

async function removeAside(aside: string): Promise<void> {
  const helper = await startHelper();
  await releasing(() => removeTree(helper, aside), () => helper.close());
}
