/** How git may reach a repository: the user's token, header, password, agent or key. None of it is ever an argument. */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoCode } from '../../base/errors.ts';
import type { GitUrl } from '../../dockerfile/git-url.ts';
import { basicAuthorization } from '../http/authorization.ts';
import { readSecretText, type SecretLookup } from '../secret-text.ts';
import type { GitAccess } from './git-program.ts';

export interface AccessSources {
  readonly secret: SecretLookup;
  /** An agent's socket or a private key that `--ssh` names, or null. */
  readonly ssh: (id: string) => string | null;
  /** Whose `.ssh/known_hosts` are believed. */
  readonly homeDir: string;
  /** For what ssh learns about hosts in this build. */
  readonly folder: string;
}

/** A remote without the credentials that its address may hold, and the access that they and the secrets give. */
export interface RemoteAccess {
  readonly remote: string;
  readonly access: GitAccess;
}

/** @throws TsbuildError `SECRET_INVALID`, class usage */
export async function openAccess(url: GitUrl, sources: AccessSources): Promise<RemoteAccess> {
  if (url.transport === 'git') return { remote: url.remote, access: { config: [], variables: {} } };
  return url.transport === 'ssh' ? { remote: url.remote, access: await sshAccess(sources) } : httpAccess(url.remote, sources.secret);
}

async function httpAccess(remote: string, secret: SecretLookup): Promise<RemoteAccess> {
  const url = new URL(remote);
  const plain = new URL(url);
  plain.username = '';
  plain.password = '';
  const header = await findHeader(url, plain.href, secret);
  if (header === null) return { remote: plain.href, access: { config: [], variables: {} } };
  // A redirect would take the header along to wherever it leads.
  const config = [['http.followRedirects', 'false'], [`http.${header.scope}.extraHeader`, `Authorization: ${header.text}`]] as const;
  return { remote: plain.href, access: { config, variables: {} } };
}

/** A header, and for which addresses it is meant: those that begin with the scope. */
interface ScopedHeader {
  readonly text: string;
  readonly scope: string;
}

/**
 * By the order of BuildKit (source/git, authSecretNames). A secret that names the host is meant for all of it, so that
 * private submodules are found; another one only for the repository itself, but for all of github.com.
 */
async function findHeader(url: URL, plain: string, secret: SecretLookup): Promise<ScopedHeader | null> {
  const host = `${url.origin}/`;
  const own = /^https:\/\/(?:www\.)?github\.com\//.exec(plain)?.[0] ?? plain;
  for (const [suffix, scope] of [[`.${url.host}`, host], ['', own]] as const) {
    const header = await readSecretText(secret, `GIT_AUTH_HEADER${suffix}`);
    if (header !== null) return { text: header, scope };
    const token = await readSecretText(secret, `GIT_AUTH_TOKEN${suffix}`);
    if (token !== null) return { text: `basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`, scope };
  }
  const basic = basicAuthorization(url);
  return basic === undefined ? null : { text: basic, scope: host };
}

/**
 * Only what `--ssh default` gives: no key, agent or configuration of the user's is used unasked. A host that is known must
 * be the one that it was; one that is not is believed, as BuildKit believes it, for this build.
 */
async function sshAccess({ ssh, homeDir, folder }: AccessSources): Promise<GitAccess> {
  const path = ssh('default');
  const isAgent = path !== null && (await isSocket(path));
  const knownHosts = [join(folder, 'known_hosts'), join(homeDir, '.ssh/known_hosts')].map((file) => `"${file}"`).join(' ');
  const options = [
    'BatchMode=yes', 'StrictHostKeyChecking=accept-new', `UserKnownHostsFile=${knownHosts}`, 'UpdateHostKeys=no', 'ConnectTimeout=30',
    ...(path === null || isAgent ? ['IdentityFile=none'] : ['IdentitiesOnly=yes', 'IdentityAgent=none', `IdentityFile="${path}"`]),
  ];
  const command = ['ssh', '-F', '/dev/null', ...options.flatMap((option) => ['-o', quote(option)])].join(' ');
  return { config: [], variables: { GIT_SSH_COMMAND: command, GIT_SSH_VARIANT: 'ssh', ...(isAgent ? { SSH_AUTH_SOCK: path } : {}) } };
}

async function isSocket(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSocket();
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** For the shell that git gives the command to. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
