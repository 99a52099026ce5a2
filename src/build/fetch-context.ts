/**
 * A main context that is no directory: a repository, a file behind an address, or an archive on standard input. It is
 * brought into the temporary folder of the store and then read as any other; no ignore file counts (SEMANTICS A6, 108).
 * Start at `fetchContext`.
 */
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { TsbuildError } from '../base/errors.ts';
import { ignoreNothing } from '../context/ignore.ts';
import { findInTree } from '../context/select.ts';
import { openContextTree, walkTree, type DirectoryReader } from '../context/tree.ts';
import { hideCredentials, parseGitUrl, type GitUrl } from '../dockerfile/git-url.ts';
import { decompress, detectCompression } from '../layer/decompress.ts';
import { readDirectory } from '../native/directory.ts';
import type { Downloads } from '../source/http/downloads.ts';
import type { Repositories } from '../source/git/repositories.ts';
import type { Store } from '../store/store.ts';
import { isTarHeader } from './add-archives.ts';
import type { BuildRequest } from './build-request.ts';
import { isDirectoryContext } from './inputs.ts';
import type { FetchedContext } from './read-dockerfile.ts';
import { unpackContext } from './unpack-context.ts';

/** What a context archive may grow to: a few kilobytes can stand for terabytes. */
const contextSizeMax = 64 * 1024 ** 3;
const blockBytes = 512;

export interface FetchContextOptions {
  readonly store: Store;
  readonly repositories: Repositories;
  readonly downloads: Downloads;
  readonly readStdin: () => Promise<Buffer>;
  readonly signal: AbortSignal;
}

/**
 * The context, brought here; null for a directory and for a Dockerfile on standard input.
 * @throws TsbuildError of fetching and unpacking; `DOCKERFILE_MISSING`, `CONTEXT_DEVICE`, `STDIN_AMBIGUOUS`, class usage
 */
export async function fetchContext(request: BuildRequest, options: FetchContextOptions): Promise<FetchedContext | null> {
  if (request.context === '-') return fromStdin(request, options);
  if (isDirectoryContext(request)) return null;
  const url = parseGitUrl(request.context, { allowsShorthand: true });
  return url === null ? fromAddress(request, options) : fromRepository(request, url, options);
}

async function fromRepository(request: BuildRequest, url: GitUrl, { repositories, signal }: FetchContextOptions): Promise<FetchedContext> {
  const argument = request.buildArgs.findLast(({ key }) => key === 'BUILDKIT_CONTEXT_KEEP_GIT_DIR')?.value ?? '';
  const keepsGit = url.keepGitDir === true || /^(1|t|true)$/i.test(argument);
  const repository = await (await repositories.resolve({ url, keepsGit, signal })).open();
  const { gitDirectoryReader } = await import('../source/git/git-tree.ts');
  return withDockerfile(request, repository.root, gitDirectoryReader(repository), repository.timeSeconds);
}

async function fromAddress(request: BuildRequest, options: FetchContextOptions): Promise<FetchedContext> {
  const { downloads, store, signal } = options;
  const download = await downloads.resolve({ what: 'context', url: request.context, checksum: null, signal });
  const { path, modifiedSeconds } = await download.open();
  const root = join(store.paths.tmp, 'context');
  if (await isArchive(path)) return unpacked(request, path, root, modifiedSeconds, signal);
  if (request.file !== null && !isAbsolute(request.file)) throw ambiguous(request, 'the address is a Dockerfile itself');
  await mkdir(root, { mode: 0o700 });
  await copyFile(path, join(root, 'context'));
  return withDockerfile({ ...request, file: request.file ?? 'context' }, root, (at) => readDirectory(root, at), modifiedSeconds);
}

async function fromStdin(request: BuildRequest, { readStdin, store, signal }: FetchContextOptions): Promise<FetchedContext | null> {
  const bytes = await readStdin();
  if (detectCompression(bytes) === 'none' && !isTarHeader(bytes)) {
    if (request.file !== null && bytes.length > 0) throw ambiguous(request, 'standard input is a Dockerfile itself');
    return null;
  }
  const path = join(store.paths.tmp, 'context.tar');
  await writeFile(path, bytes, { mode: 0o600 });
  return unpacked(request, path, join(store.paths.tmp, 'context'), null, signal);
}

function ambiguous({ file, context }: BuildRequest, reason: string): TsbuildError {
  return new TsbuildError('usage', 'DOCKERFILE_AMBIGUOUS', `-f ${file ?? ''} ${hideCredentials(context)}: ambiguous Dockerfile: ${reason}`, { hint: 'Leave -f out, or give an archive.' });
}

async function isArchive(path: string): Promise<boolean> {
  let head = Buffer.alloc(0);
  try {
    for await (const chunk of decompress(createReadStream(path), { what: 'context', sizeBytesMax: contextSizeMax })) {
      head = Buffer.concat([head, chunk]);
      if (head.length >= blockBytes) break;
    }
  } catch (error) {
    if (error instanceof TsbuildError && error.code === 'DATA_CORRUPT') return true; // compressed, so no Dockerfile
    throw error;
  }
  return isTarHeader(head);
}

async function unpacked(request: BuildRequest, archive: string, root: string, timeSeconds: number | null, signal: AbortSignal): Promise<FetchedContext> {
  await mkdir(root, { mode: 0o700 });
  const tar = decompress(createReadStream(archive), { what: 'context', sizeBytesMax: contextSizeMax, signal });
  await unpackContext(tar, root, signal);
  const tree = join(root, 'upper');
  const read: DirectoryReader = (at) => readDirectory(tree, at);
  let newest: number | null = null;
  for (const { path, entry } of walkTree(openContextTree(tree, ignoreNothing, read), '')) {
    if (entry.type === 'character' || entry.type === 'block') throw deviceIn(path);
    if (entry.type === 'file') newest = Math.max(newest ?? 0, Number(entry.mtimeNs / 1_000_000_000n));
  }
  return withDockerfile(request, tree, read, timeSeconds ?? newest);
}

function deviceIn(path: string): TsbuildError {
  return new TsbuildError('usage', 'CONTEXT_DEVICE', `context: ${path}: an archive of files has no use for a device`, { hint: 'Leave it out of the archive.' });
}

/** The Dockerfile of the tree, links followed inside it; one named by an absolute path is this machine's. */
function withDockerfile(request: BuildRequest, root: string, readTree: DirectoryReader, timeSeconds: number | null): FetchedContext {
  const { file, context } = request;
  const common = { root, readDirectory: readTree, timeSeconds };
  if (file === '-') return { ...common, dockerfile: null };
  if (file !== null && isAbsolute(file) && context !== '-') return { ...common, dockerfile: { path: file, name: file } };
  const tree = openContextTree(root, ignoreNothing, readTree);
  for (const name of file === null ? ['Dockerfile', 'dockerfile'] : [file]) {
    const found = findInTree(tree, name);
    if (found?.entry?.type === 'file') return { ...common, dockerfile: { path: join(root, found.path), name } };
  }
  throw new TsbuildError('usage', 'DOCKERFILE_MISSING', `failed to read dockerfile: ${file ?? 'Dockerfile'}: no such file in the context ${hideCredentials(context)}`, {
    hint: 'Name it with -f FILE; the path is relative to the context.',
  });
}
