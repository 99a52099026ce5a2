/**
 * Reads the Dockerfile that a request means, from a file or from standard input, and parses it. It loads nothing that only
 * a build needs: `tsbuild check` reads Dockerfiles too. Start at `readDockerfile`.
 */
import { open, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { errnoCode, messageOf, TsbuildError } from '../base/errors.ts';
import { detectSyntax } from '../dockerfile/directives.ts';
import type { Dockerfile } from '../dockerfile/instruction.ts';
import { dockerfileSizeMax } from '../dockerfile/lines.ts';
import { parseDockerfile } from '../dockerfile/parse.ts';
import type { BuildRequest } from './build-request.ts';
import { builderArg } from './builder-args.ts';
import type { FetchedContext } from './fetched-tree.ts';

const fileHint = 'Name the Dockerfile with -f FILE; the path is relative to the current directory.';

export interface DockerfileSource {
  readonly dockerfile: Dockerfile;
  /** Where it lies; null for standard input. */
  readonly path: string | null;
}

export interface InputOptions {
  readonly workingDirectory: string;
  /** Standard input; asked only where the request says `-`, and once. */
  readonly openStdin: () => AsyncIterable<Uint8Array>;
  /** Where the main context is not a directory of the user's. */
  readonly fetched?: FetchedContext;
  /** Gets the text of the Dockerfile before it is parsed, so that errors can show its lines. */
  readonly onDockerfile?: (file: string, text: string) => void;
}

/** A Dockerfile that is not parsed yet. */
export interface DockerfileBytes {
  readonly bytes: Buffer;
  /** As messages call it. */
  readonly name: string;
  readonly path: string | null;
}

/** A Dockerfile on this machine, and what messages call it. */
export interface DockerfilePlace {
  readonly path: string;
  readonly name: string;
}

/** @throws TsbuildError of class usage: `DOCKERFILE_MISSING`, `DOCKERFILE_UNREADABLE`, `SYNTAX_UNSUPPORTED`, what parsing throws */
export async function readDockerfile(request: BuildRequest, options: InputOptions): Promise<DockerfileSource> {
  const { bytes, name, path } = await readDockerfileBytes(request, options);
  return { dockerfile: parseDockerfile(bytes, name), path };
}

/**
 * The file alone, if it is one for us.
 * @throws TsbuildError of class usage: `DOCKERFILE_MISSING`, `DOCKERFILE_UNREADABLE`, `DOCKERFILE_TOO_LARGE`, `SYNTAX_UNSUPPORTED`
 */
export async function readDockerfileBytes(request: BuildRequest, options: InputOptions): Promise<DockerfileBytes> {
  const source = await readAnyDockerfile(request, options);
  refuseFrontend(source, builderArg(request, 'BUILDKIT_SYNTAX'));
  return source;
}

async function readAnyDockerfile(request: BuildRequest, options: InputOptions): Promise<DockerfileBytes> {
  if (options.fetched !== undefined && options.fetched.dockerfile !== null) return readFetched(options.fetched.dockerfile, options);
  const fromStdin = request.file === '-' || (request.context === '-' && request.file === null);
  const { path, name } = fromStdin ? { path: null, name: '-' } : await locateDockerfile(request, options);
  const bytes = path === null ? await readLoneDockerfile(options.openStdin()) : await readDockerfileAt(path, name, fileHint);
  options.onDockerfile?.(name, bytes.toString('utf8'));
  return { bytes, name, path };
}

async function readFetched({ path, name }: NonNullable<FetchedContext['dockerfile']>, options: InputOptions): Promise<DockerfileBytes> {
  const bytes = await readDockerfileAt(path, name, fileHint);
  options.onDockerfile?.(name, bytes.toString('utf8'));
  return { bytes, name, path: null };
}

/** What looks like an archive is a context, which comes here only where a Dockerfile was announced, or to be looked at. */
async function readLoneDockerfile(stdin: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const [{ peekBytes }, { blockBytes, looksLikeArchive }] = await Promise.all([import('../layer/decompress.ts'), import('./tar-header.ts')]);
  const { start, all } = await peekBytes(stdin, blockBytes);
  if (!looksLikeArchive(start)) return readDockerfileStream(all, '-');
  throw new TsbuildError('usage', 'DOCKERFILE_IS_ARCHIVE', 'failed to read dockerfile: -: it is an archive', {
    hint: 'Give the Dockerfile itself on standard input. As a context, an archive can be built: tsbuild build -.',
  });
}

async function locateDockerfile(request: BuildRequest, options: InputOptions): Promise<DockerfilePlace> {
  const found = await findDockerfile(request, options);
  if (found !== null) return found;
  throw new TsbuildError('usage', 'DOCKERFILE_MISSING', `failed to read dockerfile: ${join(request.context, 'Dockerfile')}: no such file or directory`, {
    hint: 'Name it with -f FILE, or run tsbuild in the directory that has it.',
  });
}

/** Where the Dockerfile of a directory is; null where it was not named and the directory has none. It need not be readable. */
export async function findDockerfile({ file, context }: Pick<BuildRequest, 'file' | 'context'>, { workingDirectory }: Pick<InputOptions, 'workingDirectory'>): Promise<DockerfilePlace | null> {
  if (file !== null) return { path: resolve(workingDirectory, file), name: file };
  const folder = resolve(workingDirectory, context);
  for (const name of ['Dockerfile', 'dockerfile']) {
    const path = join(folder, name);
    if (await exists(path)) return { path, name };
  }
  return null;
}

/** Whether something is there, readable or not. */
export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return false;
    return true; // it is there, and reading it will say what is wrong
  }
}

/**
 * The bytes of a Dockerfile, which may also be a pipe or a device without an end.
 * @throws TsbuildError of class usage: `DOCKERFILE_MISSING`, `DOCKERFILE_UNREADABLE`, `DOCKERFILE_TOO_LARGE`
 */
export async function readDockerfileAt(path: string, name: string, hint: string): Promise<Buffer> {
  try {
    const file = await open(path, 'r');
    try {
      return await readDockerfileStream(file.createReadStream({ autoClose: false }), name);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw cause instanceof TsbuildError ? cause : unreadable(name, cause, hint);
  }
}

/** Everything up to the limit. @throws TsbuildError of class usage: `DOCKERFILE_TOO_LARGE`, and what the stream throws */
export async function readDockerfileStream(stream: AsyncIterable<string | Uint8Array>, name: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(Buffer.from(chunk as Uint8Array)); // it takes texts as well, but no union of the two
    size += chunk.length;
    if (size > dockerfileSizeMax) throw new TsbuildError('usage', 'DOCKERFILE_TOO_LARGE', `failed to read dockerfile: ${name}: it has more than ${dockerfileSizeMax} bytes`);
  }
  return Buffer.concat(chunks);
}

function unreadable(name: string, cause: unknown, hint: string): TsbuildError {
  const code = errnoCode(cause);
  const reasons: Readonly<Record<string, string>> = { ENOENT: 'no such file or directory', EACCES: 'permission denied', EISDIR: 'is a directory' };
  const reason = reasons[code ?? ''] ?? messageOf(cause);
  return new TsbuildError('usage', code === 'ENOENT' ? 'DOCKERFILE_MISSING' : 'DOCKERFILE_UNREADABLE', `failed to read dockerfile: ${name}: ${reason}`, {
    hint,
    cause,
  });
}

const builtInFrontend = /^(docker\.io\/)?docker\/dockerfile(-upstream)?(:[\w.-]+)?(@sha256:[0-9a-f]{64})?$/;

/**
 * The built-in frontend is the only one ("Ours", 8). It is told before the file is parsed, which may be in any language.
 * @param argument what the user says instead of the file; empty where nothing is said
 */
function refuseFrontend({ bytes, name }: DockerfileBytes, argument: string): void {
  const [asked = ''] = argument.trim().split(' ', 1);
  const syntax = asked === '' ? detectSyntax(bytes.toString('utf8')) : undefined;
  const reference = syntax?.reference ?? asked;
  if (reference === '' || builtInFrontend.test(reference)) return;
  const where = syntax === undefined ? `--build-arg BUILDKIT_SYNTAX=${reference}` : `# syntax=${reference}`;
  throw new TsbuildError('usage', 'SYNTAX_UNSUPPORTED', `${where}: custom frontends are not run`, {
    ...(syntax === undefined ? {} : { position: { file: name, startLine: syntax.line, endLine: syntax.line } }),
    hint: `${syntax === undefined ? 'Leave it out' : 'Remove the line'}, or use docker/dockerfile: tsbuild reads Dockerfiles itself.`,
  });
}
