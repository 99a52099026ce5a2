/**
 * Addresses of git repositories, as ADD and contexts have them: transport, reference, subdirectory and options, read as
 * BuildKit's frontend reads them (dfgitutil, gitutil). It asks no repository. Start at `parseGitUrl`.
 */
import { TsbuildError } from '../base/errors.ts';
import { readGitQuery, type GitOptions } from './git-query.ts';

export type GitTransport = 'http' | 'https' | 'git' | 'ssh';

/** A repository and what of it is meant. */
export interface GitUrl extends GitOptions {
  /** What git is given: without fragment and query. An http(s) address may hold credentials. */
  readonly remote: string;
  readonly transport: GitTransport;
}

export interface GitUrlRules {
  /** Any http(s) address is a repository, as behind `--keep-git-dir`; else only one whose path ends in `.git`. */
  readonly knownGit?: boolean;
  /** `github.com/owner/name` is one, too: a context may be written so. */
  readonly allowsShorthand?: boolean;
}

/** Everything before the fragment and the query; the path may be empty. */
const urlForm = /^(https?|git|ssh):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/i;
/** As scp writes it. BuildKit takes one without a user as well, which no file name with a colon could be told from. */
const scpForm = /^(\w[\w.-]*)@([a-z0-9][a-z0-9.-]*):([^?#]+)(?:\?([^#]*))?(?:#(.*))?$/i;
/** With an optional user before it and a port behind it; nothing that git or ssh could take for an option. */
const authorityForm = /^(?:[^@%-][^@]*@)?(?:[a-z0-9_][a-z0-9_.-]*|\[[0-9a-f:.]+\])(?::\d+)?$/i;

/**
 * The repository that the text means, or null where it means something else.
 * @throws TsbuildError `GIT_URL_INVALID`, class usage, for the address of a repository that is wrong
 */
export function parseGitUrl(text: string, rules: GitUrlRules = {}): GitUrl | null {
  const parts = split(text, rules);
  if (parts === null) return null;
  try {
    checkRemote(parts);
    const { remote, transport } = parts;
    return { remote, transport, ...readGitQuery(parts.query, parts.fragment) };
  } catch (error) {
    if (!(error instanceof TsbuildError)) throw error;
    throw new TsbuildError('usage', 'GIT_URL_INVALID', `git repository ${hideCredentials(text)}: ${error.message}`, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

/** Whether the text means a repository, also where the address is wrong. */
export function isGitUrl(text: string, rules: GitUrlRules = {}): boolean {
  return split(text, rules) !== null;
}

/** An address without the user and the password that it may hold, for people. */
export function hideCredentials(text: string): string {
  return text.replace(/([a-z0-9]:\/\/)[^/?#\s@]*@/gi, '$1xxxxx@');
}

interface GitUrlParts extends Pick<GitUrl, 'remote' | 'transport'> {
  readonly authority: string;
  readonly path: string;
  readonly query: string;
  readonly fragment: string;
}

function split(text: string, { knownGit = false, allowsShorthand = false }: GitUrlRules): GitUrlParts | null {
  if (allowsShorthand && text.startsWith('github.com/')) return splitUrl(`https://${text}`, true);
  return splitUrl(text, knownGit) ?? splitScp(text);
}

function splitUrl(text: string, knownGit: boolean): GitUrlParts | null {
  const match = urlForm.exec(text);
  if (match === null) return null;
  const [, scheme = '', authority = '', path = '', query = '', fragment = ''] = match;
  const transport = scheme.toLowerCase() as GitTransport; // the form has no others
  if (transport.startsWith('http') && !knownGit && !path.endsWith('.git')) return null;
  return { remote: `${transport}://${authority}${path}`, transport, authority, path, query, fragment: decode(fragment) };
}

function splitScp(text: string): GitUrlParts | null {
  const match = scpForm.exec(text);
  if (match === null) return null;
  const [, user = '', host = '', path = '', query = '', fragment = ''] = match;
  return { remote: `${user}@${host}:${path}`, transport: 'ssh', authority: `${user}@${host}`, path, query, fragment };
}

/** A fragment that is not well encoded is what it says: the reference's own rules judge it. */
function decode(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch (error) {
    if (error instanceof URIError) return fragment;
    throw error;
  }
}

function checkRemote({ remote, authority, path }: GitUrlParts): void {
  if (/[\0-\x20\x7f]/.test(remote)) throw wrong('it holds a blank or a control character');
  if (!authorityForm.test(authority)) throw wrong('its host is malformed');
  if (path === '' || path === '/' || /^[-:]/.test(path)) throw wrong('its path is malformed');
}

function wrong(reason: string): TsbuildError {
  return new TsbuildError('usage', 'GIT_URL_INVALID', reason, { hint: 'Write it like https://example.org/owner/name.git#branch:directory.' });
}
