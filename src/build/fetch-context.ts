/**
 * A main context that is no directory: a repository, a file behind an address, or an archive on standard input. It is
 * brought into the temporary folder of the store and then read as any other; no ignore file counts (SEMANTICS A6, 108).
 * Start at `fetchContext`.
 */
import { isAbsolute, join } from 'node:path';
import { TsbuildError } from '../base/errors.ts';
import { ignoreNothing } from '../context/ignore.ts';
import { findInTree } from '../context/select.ts';
import { openContextTree } from '../context/tree.ts';
import { hideCredentials, parseGitUrl, type GitUrl } from '../dockerfile/git-url.ts';
import { peekBytes } from '../layer/decompress.ts';
import { unpackTree } from './archive-tree.ts';
import type { BuildRequest } from './build-request.ts';
import { builderArg } from './builder-args.ts';
import type { FetchedContext, FetchedTree } from './fetched-tree.ts';
import { readDockerfileStream } from './read-dockerfile.ts';
import { fetchAddress, fetchRepository, loneFileName, type RemoteTreeOptions } from './remote-tree.ts';
import { blockBytes, looksLikeArchive } from './tar-header.ts';

export interface FetchContextOptions extends RemoteTreeOptions {
  readonly openStdin: () => AsyncIterable<Uint8Array>;
}

/** What came: files, or on standard input a Dockerfile that has none. */
export type Fetched = { readonly kind: 'files'; readonly context: FetchedContext } | { readonly kind: 'dockerfile'; readonly bytes: Buffer };

/** Files before anybody looks for a Dockerfile among them; `isDockerfile` where they are one file behind an address. */
export type FetchedFiles = { readonly kind: 'files'; readonly tree: FetchedTree; readonly isDockerfile: boolean } | { readonly kind: 'dockerfile'; readonly bytes: Buffer };

/**
 * A context that is no directory, brought here.
 * @throws TsbuildError of fetching and unpacking; `DOCKERFILE_MISSING`, `DOCKERFILE_AMBIGUOUS`, `CONTEXT_DEVICE`, class usage
 */
export async function fetchContext(request: BuildRequest, options: FetchContextOptions): Promise<Fetched> {
  const { file } = request;
  const fetched = await fetchFiles(request, options);
  if (fetched.kind === 'dockerfile') {
    if (file !== null && fetched.bytes.length > 0) throw ambiguous(request, 'standard input is a Dockerfile itself');
    return fetched;
  }
  if (!fetched.isDockerfile) return { kind: 'files', context: withDockerfile(request, fetched.tree) };
  if (file !== null && !isAbsolute(file)) throw ambiguous(request, 'the address is a Dockerfile itself');
  return { kind: 'files', context: withDockerfile({ ...request, file: file ?? loneFileName }, fetched.tree) };
}

/** @throws TsbuildError of fetching and unpacking; `CONTEXT_DEVICE`, class usage */
export async function fetchFiles(request: Pick<BuildRequest, 'context' | 'buildArgs'>, options: FetchContextOptions): Promise<FetchedFiles> {
  if (request.context === '-') return fromStdin(options);
  const url = parseGitUrl(request.context, { allowsShorthand: true });
  if (url !== null) return { kind: 'files', tree: await fetchRepository(url, keepsGit(request, url), options), isDockerfile: false };
  const tree = await fetchAddress({ what: 'context', url: request.context, checksum: null }, options);
  return { kind: 'files', tree, isDockerfile: !tree.isArchive };
}

function keepsGit(request: Pick<BuildRequest, 'buildArgs'>, { keepGitDir }: GitUrl): boolean {
  return keepGitDir === true || /^(1|t|true)$/i.test(builderArg(request, 'BUILDKIT_CONTEXT_KEEP_GIT_DIR'));
}

/** An archive goes from the stream to the disk; only a Dockerfile, which has a limit, is held in memory. */
async function fromStdin({ openStdin, folder, ...options }: FetchContextOptions): Promise<FetchedFiles> {
  const { start, all } = await peekBytes(openStdin(), blockBytes);
  if (looksLikeArchive(start)) return { kind: 'files', tree: await unpackTree(all, folder, options), isDockerfile: false };
  return { kind: 'dockerfile', bytes: await readDockerfileStream(all, '-') };
}

function ambiguous({ file, context }: BuildRequest, reason: string): TsbuildError {
  return new TsbuildError('usage', 'DOCKERFILE_AMBIGUOUS', `-f ${file ?? ''} ${hideCredentials(context)}: ambiguous Dockerfile: ${reason}`, { hint: 'Leave -f out, or give an archive.' });
}

/** The Dockerfile of the tree, links followed inside it; one named by an absolute path is this machine's. */
function withDockerfile({ file, context }: BuildRequest, common: FetchedTree): FetchedContext {
  if (file === '-') return { ...common, dockerfile: null };
  if (file !== null && isAbsolute(file) && context !== '-') return { ...common, dockerfile: { path: file, name: file } };
  const tree = openContextTree(common.root, ignoreNothing, common.readDirectory);
  for (const name of file === null ? ['Dockerfile', 'dockerfile'] : [file]) {
    const found = findInTree(tree, name);
    if (found?.entry?.type === 'file') return { ...common, dockerfile: { path: join(common.root, found.path), name } };
  }
  throw new TsbuildError('usage', 'DOCKERFILE_MISSING', `failed to read dockerfile: ${file ?? 'Dockerfile'}: no such file in the context ${hideCredentials(context)}`, {
    hint: 'Name it with -f FILE; the path is relative to the context.',
  });
}
