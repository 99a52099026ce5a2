/**
 * Looking at a context that is elsewhere without building: it is brought into the store's temporary folder, and is gone
 * afterwards. A Dockerfile on standard input needs no store. Start at `whileFetched`.
 */
import { join } from 'node:path';
import { TsbuildError } from '../base/errors.ts';
import { peekBytes } from '../layer/decompress.ts';
import type { BuildRequest } from './build-request.ts';
import { fetchContext, fetchFiles, type FetchContextOptions } from './fetch-context.ts';
import type { FetchedTree } from './fetched-tree.ts';
import { inputOf } from './inputs.ts';
import type { InputOptions } from './read-dockerfile.ts';
import { blockBytes, looksLikeArchive } from './tar-header.ts';
import { withSources, type SourcePorts } from './with-sources.ts';

type Ports = InputOptions & SourcePorts;

/** Does the work with ports that reach the Dockerfile. @throws TsbuildError as of `fetchContext`; what the work throws */
export async function whileFetched<P extends Ports, Result>(request: BuildRequest, ports: P, work: (located: P) => Promise<Result>): Promise<Result> {
  const { stdin, isArchive } = await peekStdin(request, ports);
  if (stdin !== null && !isArchive && request.file === null) return work({ ...ports, openStdin: () => stdin });
  return fetching(request, ports, stdin, async (options) => work({ ...ports, ...inputOf(await fetchContext(request, options)) }));
}

/** Does the work with the files. @throws TsbuildError of fetching and unpacking; `CONTEXT_NOT_LISTED`, class usage */
export async function withFetchedFiles<Result>(request: Pick<BuildRequest, 'context' | 'storeRoot'>, ports: Ports, work: (tree: FetchedTree) => Promise<Result>): Promise<Result> {
  const { stdin, isArchive } = await peekStdin(request, ports);
  if (stdin !== null && !isArchive) throw noFiles();
  return fetching({ ...request, timestamps: 'constant' }, ports, stdin, async (options) => {
    const fetched = await fetchFiles({ ...request, buildArgs: [] }, options);
    if (fetched.kind === 'dockerfile') throw noFiles();
    return work(fetched.tree);
  });
}

/** Standard input with its beginning looked at; null where it is not the context. */
async function peekStdin({ context }: Pick<BuildRequest, 'context'>, { openStdin }: InputOptions): Promise<{ readonly stdin: AsyncIterable<Uint8Array> | null; readonly isArchive: boolean }> {
  if (context !== '-') return { stdin: null, isArchive: false };
  const { start, all } = await peekBytes(openStdin(), blockBytes);
  return { stdin: all, isArchive: looksLikeArchive(start) };
}

function fetching<Result>(request: Pick<BuildRequest, 'storeRoot' | 'timestamps'>, ports: Ports, stdin: AsyncIterable<Uint8Array> | null, work: (options: FetchContextOptions) => Promise<Result>): Promise<Result> {
  const openStdin = stdin === null ? ports.openStdin : (): AsyncIterable<Uint8Array> => stdin;
  return withSources(request, ports, () => undefined, ({ store, sources }) => work({ ...sources, folder: join(store.paths.tmp, 'context'), openStdin, signal: ports.signal }));
}

function noFiles(): TsbuildError {
  return new TsbuildError('usage', 'CONTEXT_NOT_LISTED', 'context: -: a Dockerfile on standard input has no files', { hint: 'Give an archive on standard input, a directory or an address.' });
}
