/** From a resolved commit to its files in a new folder: fetch, check out, submodules. Start at `checkOut`. */
import { lstat, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoCode, TsbuildError } from '../../base/errors.ts';
import type { KeptPacks } from './kept-packs.ts';
import type { ResolvedCommit } from './resolve-commit.ts';

/** Runs git for this repository; `network` calls may fail for reasons that are not this machine's. */
export type Git = (args: readonly string[], options: { readonly directory?: string; readonly network?: boolean }) => Promise<string>;

export interface CheckOutRequest {
  /** For messages. */
  readonly what: string;
  readonly remote: string;
  readonly resolved: ResolvedCommit;
  readonly submodules: boolean;
  /** A new folder for the files, `.git` among them. */
  readonly tree: string;
  /** What earlier builds fetched; null where `.git` is kept, which would tell how the commit came. */
  readonly packs: KeptPacks | null;
  readonly signal: AbortSignal;
}

/** What was checked out. */
export interface CheckedOut {
  /** When the commit was made, in seconds since the epoch. */
  readonly timeSeconds: number;
}

/** @throws TsbuildError `GIT_FAILED`, `GIT_TOO_OLD`, `GIT_REF_NOT_FOUND` */
export async function checkOut(git: Git, request: CheckOutRequest): Promise<CheckedOut> {
  const { tree, remote, resolved } = request;
  await checkVersion(git, request.what);
  await mkdir(tree, { mode: 0o700 });
  const format = resolved.commit.length === 64 ? ['--object-format=sha256'] : [];
  await git(['init', '--quiet', '--template=', ...format], { directory: tree });
  await git(['remote', 'add', '--', 'origin', remote], { directory: tree });
  if (!(await restoreCommit(git, request))) await fetchAndKeep(git, request);
  await git(['checkout', '--quiet', '--force', '--detach', '--no-recurse-submodules', resolved.commit], { directory: tree });
  if (request.submodules && (await isFile(join(tree, '.gitmodules')))) await updateSubmodules(git, tree);
  const seconds = await git(['show', '--no-patch', '--format=%ct', 'HEAD'], { directory: tree });
  return { timeSeconds: Number(seconds.trim()) };
}

/** Configuration by the environment, without which hooks would run, came with git 2.31. */
async function checkVersion(git: Git, what: string): Promise<void> {
  const text = (await git(['version'], {})).trim();
  const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(text) ?? [];
  if (Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 31)) return;
  throw new TsbuildError('machine', 'GIT_TOO_OLD', `${what}: it needs git 2.31 or newer, and this is ${text}`, { hint: 'Install a newer git.' });
}

/** From the store, without a word to the server. The commit is then all that is known of its history, as after a shallow fetch. */
async function restoreCommit(git: Git, { tree, resolved: { commit }, packs, signal }: CheckOutRequest): Promise<boolean> {
  const pack = (await packs?.restore(commit, join(tree, '.git'), signal)) ?? null;
  if (pack === null) return false;
  await git(['index-pack', pack], { directory: tree });
  await writeFile(join(tree, '.git/shallow'), `${commit}\n`, { mode: 0o600 });
  return hasCommit(git, tree, commit);
}

async function fetchAndKeep(git: Git, request: CheckOutRequest): Promise<void> {
  await fetchCommit(git, request);
  await request.packs?.keep(request.resolved.commit, join(request.tree, '.git'));
}

/**
 * Fetches as little as the server allows: the reference alone, without its history; where the server cannot do that
 * (plain files behind http), with it; a commit without a name by itself, or, from old servers, with everything that has one.
 */
async function fetchCommit(git: Git, { tree, resolved: { commit, ref }, what }: CheckOutRequest): Promise<void> {
  const shallow = '--depth=1';
  const everything = ['+refs/heads/*:refs/remotes/origin/*', '+refs/tags/*:refs/tags/*'];
  const named = ref === null ? [] : [`+${ref}:${ref === 'HEAD' ? 'refs/remotes/origin/HEAD' : ref}`];
  const attempts = [...(ref === null ? [] : [[shallow, ...named], named]), [shallow, commit], everything];
  let failure: TsbuildError | null = null;
  for (const [first = '', ...rest] of attempts) {
    const [options, specs] = first === shallow ? [[shallow], rest] : [[], [first, ...rest]];
    try {
      await git(['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--update-head-ok', ...options, 'origin', ...specs], { directory: tree, network: true });
      if (await hasCommit(git, tree, commit)) return;
    } catch (error) {
      if (!(error instanceof TsbuildError) || error.code !== 'GIT_FAILED') throw error;
      failure ??= error; // why the best way failed says more than why the last resort did
    }
  }
  throw failure ?? new TsbuildError('registry', 'GIT_REF_NOT_FOUND', `${what}: it has no commit ${commit}`, { hint: 'It may have been removed since, or the digits are wrong.' });
}

async function hasCommit(git: Git, tree: string, commit: string): Promise<boolean> {
  try {
    await git(['rev-parse', '--quiet', '--verify', '--end-of-options', `${commit}^{commit}`], { directory: tree });
    return true;
  } catch (error) {
    if (error instanceof TsbuildError && error.code === 'GIT_FAILED') return false;
    throw error;
  }
}

async function updateSubmodules(git: Git, tree: string): Promise<void> {
  const update = ['submodule', '--quiet', 'update', '--init', '--recursive', '--force'];
  try {
    await git([...update, '--depth=1'], { directory: tree, network: true });
  } catch (error) {
    if (!(error instanceof TsbuildError) || error.code !== 'GIT_FAILED') throw error;
    await git(update, { directory: tree, network: true }); // a server that cannot do without the history
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isFile();
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return false;
    throw error;
  }
}
