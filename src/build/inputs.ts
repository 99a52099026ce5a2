/**
 * What the user gives a build besides the Dockerfile: the contexts. They are opened later, when a step asks for their files
 * (`lazy-context.ts`); their ignore files are read by `read-ignore.ts`.
 */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { errnoCode, invariant, TsbuildError } from '../base/errors.ts';
import { isGitUrl } from '../dockerfile/git-url.ts';
import { contextKey, parseNamedContext, type NamedContext } from '../source/named-context.ts';
import type { BuildRequest, NamedValue } from './build-request.ts';
import type { Fetched } from './fetch-context.ts';
import type { InputOptions } from './read-dockerfile.ts';
import { unreadableError } from './unreadable.ts';

/** `--build-context`, by the name that FROM and --from are compared with; directories are made absolute. */
export function readNamedContexts(values: readonly NamedValue[], workingDirectory: string): ReadonlyMap<string, NamedContext> {
  const contexts = new Map<string, NamedContext>();
  for (const { name, value } of values) {
    const parsed = parseNamedContext(value);
    const path = parsed.kind === 'directory' || parsed.kind === 'oci-layout' ? { path: resolve(workingDirectory, parsed.path) } : {};
    contexts.set(contextKey(name), { ...parsed, ...path });
  }
  return contexts;
}

/** Whether the main context is a directory by its name: only those have ignore rules (SEMANTICS A6, 108). */
export function isDirectoryContext({ context }: Pick<BuildRequest, 'context'>): boolean {
  return context !== '-' && !/^https?:\/\//.test(context) && !isGitUrl(context);
}

/** Where the Dockerfile of a context that was fetched is read. */
export function inputOf(fetched: Fetched): Partial<Pick<InputOptions, 'fetched' | 'openStdin'>> {
  return fetched.kind === 'files' ? { fetched: fetched.context } : { openStdin: () => Readable.from([fetched.bytes]) };
}

/** Checks that the main context is a directory; a Dockerfile on standard input has an empty one. */
export async function locateContext(request: Pick<BuildRequest, 'context'>, { workingDirectory, fetched }: Pick<InputOptions, 'workingDirectory' | 'fetched'>): Promise<string | null> {
  if (fetched !== undefined) return fetched.root;
  if (request.context === '-') return null;
  invariant(isDirectoryContext(request), 'what is elsewhere was fetched before');
  const path = resolve(workingDirectory, request.context);
  const found = await stat(path).catch((error: unknown) => {
    if (errnoCode(error) === 'ENOENT' || errnoCode(error) === 'ENOTDIR') return null;
    throw unreadableError(path, '', error);
  });
  if (found?.isDirectory() === true) return path;
  throw new TsbuildError('usage', 'CONTEXT_MISSING', `unable to prepare context: path ${JSON.stringify(request.context)} ${found === null ? 'not found' : 'is not a directory'}`, {
    hint: 'The last argument is the directory whose files COPY sees, often a single dot. If a command was meant: tsbuild --help lists them.',
  });
}
