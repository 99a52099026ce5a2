/**
 * The files of a context that lies elsewhere: a repository, or what is behind an address. Main and named contexts are
 * fetched alike. Start at `fetchTree`.
 */
import { createReadStream } from 'node:fs';
import { chmod, copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseGitUrl, type GitUrl } from '../dockerfile/git-url.ts';
import { readDirectory } from '../native/directory.ts';
import type { Repositories } from '../source/git/repositories.ts';
import type { DownloadRequest, Downloads } from '../source/http/downloads.ts';
import type { FetchedTree } from './fetched-tree.ts';

export interface RemoteTreeOptions {
  readonly repositories: Repositories;
  readonly downloads: Pick<Downloads, 'resolve'>;
  /** For what is unpacked; not there yet, and its owner removes it. */
  readonly folder: string;
  /** What an archive may grow to. */
  readonly archiveBytesMax: number;
  readonly signal: AbortSignal;
}

/** As BuildKit names and protects what is behind an address and is no archive. */
export const loneFileName = 'context';
const loneFileMode = 0o600;

/** @throws TsbuildError of fetching and unpacking */
export async function fetchTree(address: string, options: RemoteTreeOptions): Promise<FetchedTree> {
  const url = parseGitUrl(address);
  return url === null ? fetchAddress({ what: 'context', url: address, checksum: null }, options) : fetchRepository(url, url.keepGitDir === true, options);
}

export async function fetchRepository(url: GitUrl, keepsGit: boolean, { repositories, signal }: RemoteTreeOptions): Promise<FetchedTree> {
  const repository = await (await repositories.resolve({ url, keepsGit, signal })).open();
  const { gitDirectoryReader } = await import('../source/git/git-tree.ts');
  return { root: repository.root, readDirectory: gitDirectoryReader(repository), timeSeconds: repository.timeSeconds };
}

/** What is behind an address: the files of an archive, or one file. */
export interface AddressTree extends FetchedTree {
  readonly isArchive: boolean;
}

export async function fetchAddress(address: Pick<DownloadRequest, 'what' | 'url' | 'checksum'>, { downloads, folder, archiveBytesMax, signal }: RemoteTreeOptions): Promise<AddressTree> {
  const { path, modifiedSeconds } = await (await downloads.resolve({ ...address, signal })).open();
  const { isArchive, unpackTree } = await import('./archive-tree.ts');
  if (await isArchive(path)) {
    const tree = await unpackTree(createReadStream(path), folder, { archiveBytesMax, signal });
    return { ...tree, timeSeconds: modifiedSeconds ?? tree.timeSeconds, isArchive: true };
  }
  await mkdir(folder, { mode: 0o700 });
  const file = join(folder, loneFileName);
  await copyFile(path, file);
  await chmod(file, loneFileMode);
  return { root: folder, readDirectory: (at) => readDirectory(folder, at), timeSeconds: modifiedSeconds, isArchive: false };
}
