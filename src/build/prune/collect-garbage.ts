/**
 * Garbage collection after a build: keeps the cache within its budget, the least recently used goes first. What this build
 * and others that run rely on stays. It never makes a build fail, and a build that performed nothing does not look.
 */
import { lstatSync, readdirSync, readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { errnoCode, messageOf } from '../../base/errors.ts';
import type { Notice } from '../../base/events.ts';
import { replaceFile } from '../../store/durable.ts';
import { blobsBelowRoot } from '../../store/open.ts';
import type { Store } from '../../store/store.ts';
import type { CacheBudget } from '../build-request.ts';
import { measureTrees } from './measure-trees.ts';
import { pruneStore } from './prune.ts';

/** The default: so much, or the part of the disk that is free or the cache's. */
const defaultBytesMax = 20 * 1000 ** 3;
const defaultPart = 0.2;
/** How long a measure of trees, which takes a walk, is good enough to decide whether to look more closely. */
const measureAgeMsMax = 600_000;

/** Removes what is over the budget. Failures are told, and are no failures of the build. */
export async function collectGarbage(store: Store, budget: CacheBudget, tell: (notice: Notice) => void): Promise<void> {
  if (budget === 'off') return;
  try {
    const roughBytes = await roughUse(store);
    if (typeof budget === 'number' && roughBytes <= budget) return;
    const keepBytes = typeof budget === 'number' ? budget : defaultBudget(store.paths.root, roughBytes);
    if (roughBytes <= keepBytes) return;
    const { entries, freedBytes } = await pruneStore(store, { all: true, kinds: null, unusedSinceMs: null, keepBytes, dryRun: false, keepsOwn: true });
    if (entries.length === 0) return;
    tell({ level: 'info', code: 'CACHE_PRUNED', text: `the cache was over its budget of ${keepBytes} bytes: ${freedBytes} bytes of the least recently used were removed` });
  } catch (error) {
    tell({ level: 'warning', code: 'CACHE_NOT_PRUNED', text: `the cache could not be kept within its budget: ${messageOf(error)}` });
  }
}

/** Never less than the cache takes: blobs of images are counted too, and snapshots as if every blob had one. */
async function roughUse(store: Store): Promise<number> {
  const folder = join(store.paths.root, blobsBelowRoot);
  let blobBytes = 0;
  for (const name of readdirSync(folder)) blobBytes += lstatSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
  return 2 * blobBytes + (await treeBytes(store));
}

/** Of cache mounts, logs and the like; remembered for some minutes. */
async function treeBytes({ paths }: Store): Promise<number> {
  const path = join(paths.root, 'tree-sizes.json');
  const remembered = readRemembered(path);
  if (remembered !== null) return remembered;
  const bytes = [...(await measureTrees(paths.root)).values()].reduce((sum, size) => sum + size, 0);
  await replaceFile({ path, temporary: join(paths.tmp, 'tree-sizes'), bytes: JSON.stringify(bytes), mode: 0o600, flush: 'nothing' });
  return bytes;
}

function readRemembered(path: string): number | null {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined || Math.abs(Date.now() - stat.mtimeMs) > measureAgeMsMax) return null;
  try {
    const bytes = Number(readFileSync(path, 'utf8'));
    return Number.isSafeInteger(bytes) ? bytes : null;
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return null;
    throw error;
  }
}

function defaultBudget(root: string, usedBytes: number): number {
  const { bavail, bsize } = statfsSync(root);
  return Math.min(defaultBytesMax, Math.floor(defaultPart * (bavail * bsize + usedBytes)));
}
