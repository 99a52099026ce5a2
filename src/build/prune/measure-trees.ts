/** How large trees of the store are: what they take on the disk, each file once. Trees that may not be read count as nothing. */
import { lstat, opendir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoCode } from '../../base/errors.ts';
import type { TreeSizes } from './inventory.ts';
import { snapshotFolders } from './snapshot-folders.ts';

const blockBytes = 512;

/** Measures what has no other measure: cache mounts, logs, and snapshots that are of a stack instead of a layer. */
export async function measureTrees(root: string): Promise<TreeSizes> {
  const sizes = new Map<string, number>();
  const boots = (await Promise.all(snapshotFolders.map(async (folder) => (await namesIn(join(root, folder))).map((boot) => join(folder, boot))))).flat();
  for (const folder of [join('mounts', 'v1'), 'logs', ...boots]) {
    for (const name of await namesIn(join(root, folder))) {
      if (folder.startsWith('snapshots') && !name.startsWith('chain-')) continue;
      sizes.set(join(folder, name), await measureTree(join(root, folder, name), new Set()));
    }
  }
  return sizes;
}

async function namesIn(path: string): Promise<readonly string[]> {
  return (await ifReadable(() => readdir(path))) ?? [];
}

async function measureTree(path: string, linked: Set<bigint>): Promise<number> {
  const stat = await ifReadable(() => lstat(path, { bigint: true }));
  if (stat === null) return 0;
  const isCounted = stat.nlink > 1n && !stat.isDirectory() && linked.has(stat.ino);
  linked.add(stat.ino);
  let bytes = isCounted ? 0 : Number(stat.blocks) * blockBytes;
  if (!stat.isDirectory()) return bytes;
  for await (const { name } of (await ifReadable(() => opendir(path))) ?? []) bytes += await measureTree(join(path, name), linked);
  return bytes;
}

/** Null where it vanished, or belongs to a user that only the sandbox's user namespace knows. */
async function ifReadable<Result>(read: () => Promise<Result>): Promise<Result | null> {
  try {
    return await read();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'ENAMETOOLONG'].includes(errnoCode(error) ?? '')) return null;
    throw error;
  }
}
