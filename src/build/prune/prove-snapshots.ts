/**
 * Proves snapshots against the layers that they were unpacked from: each layer is unpacked once more beside, and the trees
 * are compared, entry by entry and byte by byte. A snapshot of a stack, whose layers its name does not tell, is not proved.
 */
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { blobOfDiffID, digestFromHex, isDigest, type DiffID } from '../../base/digest.ts';
import { errnoCode } from '../../base/errors.ts';
import { releasing } from '../../base/releasing.ts';
import { showName } from '../../base/show-name.ts';
import { applyLayer, compareTrees, removeTree, type TreeDifference } from '../../layer/layer.ts';
import { loadAddon } from '../../native/addon.ts';
import { startHelper, type Helper } from '../../native/helper.ts';
import type { Store } from '../../store/store.ts';
import type { Damage } from './find-damage.ts';

export interface ProvedSnapshots {
  readonly damages: readonly Damage[];
  /** Paths below the root of those that are what their layers say. */
  readonly proved: ReadonlySet<string>;
  /** How many were not compared because there is no room to unpack their layers. */
  readonly withoutRoom: number;
}

/**
 * Compares the snapshots of this boot with their layers. It takes the room of the largest layer, and leases what it looks at.
 * On a full disk the others are compared: a store is looked at just when something is wrong.
 * @param isBroken whether a blob, in hex, was found to be damaged
 * @throws TsbuildError `SANDBOX_FAILED`; the signal's reason
 */
export async function proveSnapshots(store: Store, isBroken: (hex: string) => boolean, signal: AbortSignal): Promise<ProvedSnapshots> {
  const candidates = findCandidates(store, isBroken);
  const damages: Damage[] = [];
  const proved = new Set<string>();
  let withoutRoom = 0;
  if (candidates.length === 0) return { damages, proved, withoutRoom };
  const helper = await startHelper();
  await releasing(async () => {
    for (const { path, diffID } of candidates) {
      const difference = await proveOne({ store, helper, signal }, path, diffID);
      if (difference === null) proved.add(path);
      else if (difference === 'no room') withoutRoom += 1;
      else if (difference !== 'unknown') damages.push({ code: 'SNAPSHOT_CORRUPT', path, name: null, text: `${showName(difference.path)} is not as in its layer: ${difference.what}` });
    }
  }, () => helper.close());
  return { damages, proved, withoutRoom };
}

interface Candidate {
  readonly path: string;
  readonly diffID: DiffID;
}

/** Leased before they are looked at, with their layers. */
function findCandidates(store: Store, isBroken: (hex: string) => boolean): readonly Candidate[] {
  const { paths: { root }, blobs } = store;
  const folder = join('snapshots', 'v1', 'directory', readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  return namesIn(join(root, folder)).flatMap((name) => {
    if (!isDigest(`sha256:${name}`) || isBroken(name)) return [];
    const [path, diffID] = [join(folder, name), digestFromHex<DiffID>(name)];
    store.lease(path);
    const isThere = blobs.stat(blobOfDiffID(diffID)) !== null && lstatSync(join(root, path), { throwIfNoEntry: false })?.isDirectory() === true;
    return isThere ? [{ path, diffID }] : [];
  });
}

interface Prover {
  readonly store: Store;
  readonly helper: Helper;
  readonly signal: AbortSignal;
}

/** `unknown`: what the layer unpacks to depends on those below it. */
async function proveOne(prover: Prover, path: string, diffID: DiffID): Promise<TreeDifference | 'unknown' | 'no room' | null> {
  const target = join(prover.store.paths.tmp, 'proof');
  try {
    return await releasing(() => compareUnpacked(prover, target, path, diffID), () => removeTree(prover.helper, target));
  } catch (error) {
    if (errnoCode(error) === 'DISK_FULL' || errnoCode(error) === 'ENOSPC') return 'no room';
    throw error;
  }
}

async function compareUnpacked({ store, helper, signal }: Prover, target: string, path: string, diffID: DiffID): Promise<TreeDifference | 'unknown' | null> {
  mkdirSync(target);
  chmodSync(target, 0o755); // as every backend makes the root of a layer
  const tarFd = await store.blobs.open(blobOfDiffID(diffID));
  const { impliedCount } = await releasing(
    () => applyLayer(helper, { tarFd, expected: diffID, target: { kind: 'directory', path: target } }, signal),
    () => Promise.resolve(loadAddon().closeFd(tarFd)),
  );
  return impliedCount > 0 ? 'unknown' : compareTrees(helper, { a: join(store.paths.root, path), b: target }, signal);
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path).sort();
  } catch (error) {
    if (errnoCode(error) === 'ENOENT' || errnoCode(error) === 'ENOTDIR') return [];
    throw error;
  }
}
