/**
 * What the user gives a build: the Dockerfile, the contexts and their ignore files. Read once, before planning.
 * Contexts themselves are opened later, when a step asks for their files.
 */
import { open, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { hexOf, digestOf, type ContentDigest } from '../base/digest.ts';
import { errnoCode, messageOf, TsbuildError } from '../base/errors.ts';
import { ignoreFileSizeMax, ignoreNothing, parseIgnore, type Ignore } from '../context/ignore.ts';
import { detectSyntax } from '../dockerfile/directives.ts';
import type { Dockerfile } from '../dockerfile/instruction.ts';
import { parseDockerfile } from '../dockerfile/parse.ts';
import { detectCompression } from '../layer/decompress.ts';
import { hashFiles, readDirectory } from '../native/directory.ts';
import { contextKey, parseNamedContext, type NamedContext } from '../source/named-context.ts';
import { replaceFile } from '../store/durable.ts';
import type { Store } from '../store/store.ts';
import { isTarHeader } from './add-archives.ts';
import type { BuildRequest, NamedValue } from './build-request.ts';
import { ContextSource, type ContextObserver } from './context-source.ts';

/** Longest Dockerfile that is read. */
const dockerfileSizeMax = 16 * 1024 * 1024;

export interface DockerfileSource {
  readonly dockerfile: Dockerfile;
  /** Where it lies; null for standard input. */
  readonly path: string | null;
}

export interface InputOptions {
  readonly workingDirectory: string;
  /** Everything on standard input; asked only where the request says `-`. */
  readonly readStdin: () => Promise<Buffer>;
  /** Gets the text of the Dockerfile before it is parsed, so that errors can show its lines. */
  readonly onDockerfile?: (file: string, text: string) => void;
}

/** @throws TsbuildError of class usage: `DOCKERFILE_MISSING`, `DOCKERFILE_UNREADABLE`, what parsing throws */
export async function readDockerfile(request: BuildRequest, options: InputOptions): Promise<DockerfileSource> {
  const fromStdin = request.file === '-' || (request.context === '-' && request.file === null);
  if (fromStdin) return { dockerfile: parse(refuseArchive(await options.readStdin()), '-', options), path: null };
  const { path, name } = await locateDockerfile(request, options);
  return { dockerfile: parse(await readLimited(path, name), name, options), path };
}

/** What looks like a tar or a compressed one is a context, not a Dockerfile. */
function refuseArchive(bytes: Buffer): Buffer {
  if (detectCompression(bytes) === 'none' && !isTarHeader(bytes)) return bytes;
  throw new TsbuildError('usage', 'CONTEXT_ARCHIVE_UNAVAILABLE', '-: a context as an archive on standard input is not available yet', {
    hint: 'Unpack it, and give the directory.',
  });
}

function parse(bytes: Buffer, name: string, { onDockerfile }: InputOptions): Dockerfile {
  onDockerfile?.(name, bytes.toString('utf8'));
  return check(parseDockerfile(bytes, name));
}

async function locateDockerfile(request: BuildRequest, { workingDirectory }: InputOptions): Promise<{ readonly path: string; readonly name: string }> {
  if (request.file !== null) return { path: resolve(workingDirectory, request.file), name: request.file };
  const folder = resolve(workingDirectory, request.context);
  for (const name of ['Dockerfile', 'dockerfile']) {
    const path = join(folder, name);
    if (await exists(path)) return { path, name };
  }
  throw new TsbuildError('usage', 'DOCKERFILE_MISSING', `failed to read dockerfile: ${join(request.context, 'Dockerfile')}: no such file or directory`, {
    hint: 'Name it with -f FILE, or run tsbuild in the directory that has it.',
  });
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return false;
    return true; // it is there, and reading it will say what is wrong
  }
}

async function readLimited(path: string, name: string): Promise<Buffer> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size <= dockerfileSizeMax) return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw unreadable(name, cause);
  }
  throw new TsbuildError('usage', 'DOCKERFILE_TOO_LARGE', `failed to read dockerfile: ${name}: it has more than ${dockerfileSizeMax} bytes`);
}

function unreadable(name: string, cause: unknown): TsbuildError {
  const code = errnoCode(cause);
  const reasons: Readonly<Record<string, string>> = { ENOENT: 'no such file or directory', EACCES: 'permission denied', EISDIR: 'is a directory' };
  const reason = reasons[code ?? ''] ?? messageOf(cause);
  return new TsbuildError('usage', code === 'ENOENT' ? 'DOCKERFILE_MISSING' : 'DOCKERFILE_UNREADABLE', `failed to read dockerfile: ${name}: ${reason}`, {
    hint: 'Name the Dockerfile with -f FILE; the path is relative to the current directory.',
    cause,
  });
}

const builtInFrontend = /^(docker\.io\/)?docker\/dockerfile(-upstream)?(:[\w.-]+)?(@sha256:[0-9a-f]{64})?$/;

/** The built-in frontend is the only one ("Ours", 8). */
function check(dockerfile: Dockerfile): Dockerfile {
  const syntax = detectSyntax(dockerfile.text);
  if (syntax === undefined || builtInFrontend.test(syntax.reference)) return dockerfile;
  throw new TsbuildError('usage', 'SYNTAX_UNSUPPORTED', `# syntax=${syntax.reference}: custom frontends are not run`, {
    position: { file: dockerfile.file, startLine: syntax.line, endLine: syntax.line },
    hint: 'Remove the line, or use docker/dockerfile: tsbuild reads Dockerfiles itself.',
  });
}

/** The ignore rules of the main context: next to the Dockerfile, else at the context's root (SEMANTICS A6, 107). */
export async function readIgnore(root: string, dockerfilePath: string | null): Promise<Ignore> {
  const own = dockerfilePath === null ? null : await readIgnoreFile(`${dockerfilePath}.dockerignore`);
  return own ?? (await readIgnoreFile(join(root, '.dockerignore'))) ?? ignoreNothing;
}

async function readIgnoreFile(path: string): Promise<Ignore | null> {
  try {
    const { size } = await stat(path);
    if (size > ignoreFileSizeMax) throw new TsbuildError('usage', 'IGNORE_TOO_LARGE', `${path}: it has more than ${ignoreFileSizeMax} bytes`);
    return parseIgnore(await readFile(path, 'utf8'), path);
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** `--build-context`, by the name that FROM and --from are compared with; directories are made absolute. */
export function readNamedContexts(values: readonly NamedValue[], workingDirectory: string): ReadonlyMap<string, NamedContext> {
  const contexts = new Map<string, NamedContext>();
  for (const { name, value } of values) {
    const parsed = parseNamedContext(value);
    if (parsed.kind === 'remote') {
      throw new TsbuildError('usage', 'CONTEXT_REMOTE_UNAVAILABLE', `--build-context ${name}=${value}: contexts from an address are not available yet`, {
        hint: 'Fetch it first, and give the directory.',
      });
    }
    const path = parsed.kind === 'directory' || parsed.kind === 'oci-layout' ? { path: resolve(workingDirectory, parsed.path) } : {};
    contexts.set(contextKey(name), { ...parsed, ...path });
  }
  return contexts;
}

/** Checks that the main context is a directory; a Dockerfile on standard input has an empty one. */
export async function locateContext(request: BuildRequest, { workingDirectory }: InputOptions): Promise<string | null> {
  if (request.context === '-') return null;
  if (/^(https?|git|ssh):\/\//.test(request.context) || /^git@/.test(request.context)) {
    throw new TsbuildError('usage', 'CONTEXT_REMOTE_UNAVAILABLE', `${request.context}: contexts from an address are not available yet`, {
      hint: 'Clone or download it first, and give the directory.',
    });
  }
  const path = resolve(workingDirectory, request.context);
  const found = await stat(path).catch((error: unknown) => {
    if (errnoCode(error) === 'ENOENT') return null;
    throw error;
  });
  if (found?.isDirectory() === true) return path;
  throw new TsbuildError('usage', 'CONTEXT_MISSING', `unable to prepare context: path ${JSON.stringify(request.context)} ${found === null ? 'not found' : 'is not a directory'}`, {
    hint: 'The last argument is the directory whose files COPY sees, often a single dot. If a command was meant: tsbuild --help lists them.',
  });
}

export interface ContextPlace {
  readonly root: string;
  readonly ignore: () => Promise<Ignore>;
}

/** Opens a context once, when first asked. */
export function lazyContext(store: Store, place: ContextPlace, observer: ContextObserver, nowNs: () => bigint): () => Promise<ContextSource> {
  let opened: Promise<ContextSource> | null = null;
  const openNow = async (): Promise<ContextSource> => {
    const name = hexOf(digestOf<ContentDigest>(place.root));
    return new ContextSource({
      root: place.root,
      ignore: await place.ignore(),
      readDirectory: (path) => readDirectory(place.root, path),
      cacheFile: join(store.paths.files, `${name}.jsonl`),
      hashFiles,
      writeFile: (path, text) => replaceFile({ path, temporary: join(store.paths.tmp, `files-${name}`), bytes: text, mode: 0o600 }),
      nowNs,
      observer,
    });
  };
  return () => (opened ??= openNow());
}
