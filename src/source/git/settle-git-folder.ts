/**
 * Makes `.git` the same for the same commit: git keeps in it what `stat` said, when it ran, and packs as the server made
 * them. What is left is one pack without deltas or compression, which no version of git or zlib makes differently, and an
 * index that knows no times. Start at `settleGitFolder`.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoCode } from '../../base/errors.ts';
import type { Git } from './check-out.ts';

/** What git made on the way and needs no more. */
const traces = ['index', 'logs', 'FETCH_HEAD', 'ORIG_HEAD', 'COMMIT_EDITMSG', 'branches', 'hooks', 'objects/info'];
const plainPack = ['-c', 'pack.threads=1', '-c', 'pack.compression=0', '-c', 'core.compression=0', '-c', 'pack.writeReverseIndex=false', '-c', 'repack.writeBitmaps=false'];

/** The repository's own folder and those of its submodules, which lie in it. */
export async function settleGitFolder(git: Git, gitFolder: string): Promise<void> {
  for (const folder of [gitFolder, ...(await modulesIn(join(gitFolder, 'modules')))]) await settleOne(git, folder);
}

async function settleOne(git: Git, folder: string): Promise<void> {
  const own = [`--git-dir=${folder}`];
  await git([...own, ...plainPack, 'repack', '-a', '-d', '-F', '-n', '--quiet', '--window=0', '--depth=0'], { directory: folder });
  for (const name of traces) await rm(join(folder, name), { recursive: true, force: true });
  await git([...own, 'read-tree', 'HEAD'], { directory: folder });
}

/** Names of submodules may have slashes, and submodules may have submodules. */
async function modulesIn(folder: string): Promise<readonly string[]> {
  const entries = await list(folder);
  if (entries.includes('HEAD') && entries.includes('objects')) return [folder, ...(await modulesIn(join(folder, 'modules')))];
  const below = await Promise.all(entries.map((name) => modulesIn(join(folder, name))));
  return below.flat();
}

async function list(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory() || entry.name === 'HEAD').map(({ name }) => name).sort();
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return [];
    throw error;
  }
}
