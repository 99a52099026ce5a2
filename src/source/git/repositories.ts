/**
 * Repositories that a build reads, for ADD and for contexts: what their references stand for, asked once a build, and
 * their files, fetched when somebody needs them. git is the system's own. Start at `createRepositories`.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonValue } from '../../base/canonical.ts';
import { hideCredentials, type GitUrl } from '../../dockerfile/git-url.ts';
import type { RegistryConfigSources } from '../../registry/load-config.ts';
import type { Store } from '../../store/store.ts';
import { openAccess, type AccessSources, type RemoteAccess } from './access.ts';
import { runGit, type GitSurroundings } from './git-program.ts';
import { resolveCommit, type ResolvedCommit } from './resolve-commit.ts';
import { makeFolder } from '../../store/durable.ts';

export interface RepositoriesOptions extends Pick<AccessSources, 'secret' | 'ssh'> {
  /** For what was fetched; checked-out files lie in its temporary folder. */
  readonly store: Store;
  /** Folders in which git and ssh are looked for, as in PATH. */
  readonly searchPath: string;
  /** Proxies and authorities are those of registries. */
  readonly registry: RegistryConfigSources;
  /** Gives files the time of their commit: for builds that keep times. */
  readonly keepsTimes: boolean;
}

/** What of a repository is meant, and how it is shown. */
export interface RepositoryRequest {
  readonly url: GitUrl;
  readonly keepsGit: boolean;
  readonly signal: AbortSignal;
}

/** A repository at the commit that its address stood for when it was first asked. */
export interface Repository {
  /** All that decides what its files are: equal ones need not be fetched. */
  readonly identity: JsonValue;
  readonly commit: string;
  /** Whether `open` was called: what it does it does once. */
  readonly isOpen: boolean;
  /** The files; fetched once, when first asked. */
  open(): Promise<OpenRepository>;
}

export interface OpenRepository {
  /** The directory that was meant. */
  readonly root: string;
  /** Whether `.git` is a part of it. */
  readonly keepsGit: boolean;
  /** When the commit was made, in seconds since the epoch. */
  readonly timeSeconds: number;
}

export interface Repositories {
  /** @throws TsbuildError `GIT_…`, `CHECKSUM_MISMATCH`, class registry; `SECRET_INVALID`, class usage; `GIT_MISSING`, class machine */
  resolve(request: RepositoryRequest): Promise<Repository>;
}

/** The repositories of one build. */
export function createRepositories(options: RepositoriesOptions): Repositories {
  const known = new Map<string, Promise<Repository>>();
  let surroundings: Promise<GitSurroundings> | null = null;
  const surround = (): Promise<GitSurroundings> => (surroundings ??= prepare(options));
  return {
    resolve: (request) => {
      const key = JSON.stringify([request.url, request.keepsGit]);
      const found = known.get(key) ?? resolve({ options, request, surround, folder: join(options.store.paths.tmp, `git-${known.size}`) });
      known.set(key, found);
      return found;
    },
  };
}

interface Task {
  readonly options: RepositoriesOptions;
  readonly request: RepositoryRequest;
  readonly surround: () => Promise<GitSurroundings>;
  /** For its files; not there yet. */
  readonly folder: string;
}

async function resolve(task: Task): Promise<Repository> {
  const { url, keepsGit: wanted, signal } = task.request;
  const what = nameOf(url);
  const surroundings = await task.surround();
  const access = await openAccess(url, { ...task.options, homeDir: task.options.registry.homeDir, folder: surroundings.folder });
  const resolved = await resolveCommit(what, url, access.remote, (args) => runGit(surroundings, { what, args: ['ls-remote', ...args], access: access.access, signal }));
  // As with BuildKit: a part of a repository has no use for all of its history.
  const keepsGit = wanted && url.subdirectory === '';
  let opening: Promise<OpenRepository> | null = null;
  return {
    identity: [resolved.commit, url.subdirectory, url.submodules, keepsGit ? [resolved.ref, access.remote] : null],
    commit: resolved.commit,
    get isOpen() {
      return opening !== null;
    },
    open: () => (opening ??= open(task, { surroundings, access, resolved, keepsGit })),
  };
}

/** For people. */
export function nameOf({ remote }: GitUrl): string {
  return `git repository ${hideCredentials(remote)}`;
}

interface Opening {
  readonly surroundings: GitSurroundings;
  readonly access: RemoteAccess;
  readonly resolved: ResolvedCommit;
  readonly keepsGit: boolean;
}

async function open({ request, options, folder }: Task, { surroundings, access, resolved, keepsGit }: Opening): Promise<OpenRepository> {
  const { url, signal } = request;
  const what = nameOf(url);
  const [{ checkOut }, { locateSubdirectory, stampTree }, { openPacks }, { settleGitFolder }] = await Promise.all([import('./check-out.ts'), import('./git-tree.ts'), import('./kept-packs.ts'), import('./settle-git-folder.ts')]);
  const git: Parameters<typeof checkOut>[0] = (args, { directory, network = false }) =>
    runGit(surroundings, { what, args, signal, errorClass: network ? 'registry' : 'machine', ...(directory === undefined ? {} : { directory }), ...(network ? { access: access.access } : {}) });
  const { timeSeconds } = await checkOut(git, { what, remote: access.remote, resolved, submodules: url.submodules, tree: folder, packs: keepsGit ? null : openPacks(options.store), signal });
  if (keepsGit) await settleGitFolder(git, join(folder, '.git'));
  const root = join(folder, locateSubdirectory(what, folder, url.subdirectory));
  if (options.keepsTimes) await stampTree(Buffer.from(root), timeSeconds);
  return { root, keepsGit, timeSeconds };
}

const proxyNames = ['http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'];

/** Proxies by either spelling; authorities as for registries, where the user has named some. */
async function prepare({ store, searchPath, registry: { env } }: RepositoriesOptions): Promise<GitSurroundings> {
  const folder = join(store.paths.tmp, 'git-home');
  makeFolder(folder);
  const proxies = proxyNames.flatMap((name) => {
    const value = env[name.toUpperCase()] || env[name] || '';
    return value === '' ? [] : [[name, value] as const];
  });
  const named = [env['SSL_CERT_FILE'], env['NODE_EXTRA_CA_CERTS']].some((path) => path !== undefined && path !== '');
  return { searchPath, folder, variables: { ...Object.fromEntries(proxies), ...(named ? { GIT_SSL_CAINFO: await writeAuthorities(folder, env) } : {}) } };
}

async function writeAuthorities(folder: string, env: RegistryConfigSources['env']): Promise<string> {
  const { readAuthorities } = await import('../../registry/authorities.ts');
  const path = join(folder, 'authorities.pem');
  await writeFile(path, ((await readAuthorities(env)) ?? []).join('\n'), { mode: 0o600 });
  return path;
}
