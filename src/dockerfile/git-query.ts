/** What the query (`?branch=main&subdir=src`) and the fragment (`#main:src`) of a repository's address ask for. */
import { TsbuildError } from '../base/errors.ts';

export interface GitOptions {
  /** A branch, a tag, a full reference or a full commit; null means the branch that the repository says. */
  readonly ref: string | null;
  /** A clean relative path; empty for the top. */
  readonly subdirectory: string;
  /** The commit, or the first digits of it, that the reference must stand for; lower-case. */
  readonly checksum: string | null;
  /** Null where the address says nothing. */
  readonly keepGitDir: boolean | null;
  readonly submodules: boolean;
  /** Takes the commit that `checksum` names without asking what the reference stands for. */
  readonly fetchByCommit: boolean;
}

type Query = ReadonlyMap<string, string>;

const names: ReadonlySet<string> = new Set(['ref', 'tag', 'branch', 'subdir', 'checksum', 'commit', 'keep-git-dir', 'submodules', 'mtime', 'fetch-by-commit']);
/** They are true by being there. */
const switches: ReadonlySet<string> = new Set(['keep-git-dir', 'submodules', 'fetch-by-commit']);
/** What Go's strconv.ParseBool takes. */
const booleans: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((word) => [word, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((word) => [word, false] as const),
]);

/** A whole commit, of either kind of repository. */
const commitForm = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

export function isCommit(text: string): boolean {
  return commitForm.test(text);
}

/** @throws TsbuildError, class usage, whose message does not name the address */
export function readGitQuery(query: string, fragment: string): GitOptions {
  const given = readQuery(query);
  const at = fragment.indexOf(':');
  const [fragmentRef, fragmentDirectory] = at < 0 ? [fragment, ''] : [fragment.slice(0, at), fragment.slice(at + 1)];
  const checksum = readChecksum(agree('checksum', given.get('checksum') ?? '', given.get('commit') ?? ''));
  const fetchByCommit = readSwitch(given, 'fetch-by-commit') ?? false;
  if (fetchByCommit && !isCommit(checksum ?? '')) throw refuse('fetch-by-commit needs a whole commit as its checksum', 'Add checksum= with all digits of the commit.');
  checkChoice(given.get('mtime'));
  return {
    // A whole commit needs no reference to be found by.
    ref: readRef(given, fragmentRef) ?? (isCommit(checksum ?? '') ? checksum : null),
    subdirectory: readDirectory(agree('subdir', fragmentDirectory, given.get('subdir') ?? '')),
    checksum,
    keepGitDir: readSwitch(given, 'keep-git-dir'),
    submodules: readSwitch(given, 'submodules') ?? true,
    fetchByCommit,
  };
}

/** `--checksum` and `?checksum=`. @throws TsbuildError, class usage */
export function readChecksum(text: string): string | null {
  if (text === '') return null;
  if (/^[0-9a-f]{1,64}$/i.test(text)) return text.toLowerCase();
  throw refuse(`invalid checksum ${JSON.stringify(text)}: it is no commit`, 'Give the hexadecimal digits of a commit, or the first of them.');
}

function readQuery(query: string): Query {
  const given = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (!names.has(name)) throw refuse(`unexpected query ${JSON.stringify(name)}`, `Known are ${[...names].join(', ')}.`);
    if (given.has(name)) throw refuse(`query ${JSON.stringify(name)} has multiple values`);
    if (value === '' && !switches.has(name)) throw refuse(`query ${JSON.stringify(name)} has no value`);
    given.set(name, value);
  }
  return given;
}

function readRef(given: Query, fragmentRef: string): string | null {
  const [tag, branch] = [given.get('tag'), given.get('branch')];
  if (tag !== undefined && branch !== undefined) throw refuse('branch conflicts with tag');
  const plain = agree('ref', fragmentRef, given.get('ref') ?? '');
  const ref = agree('ref', plain, withPrefix('refs/tags/', tag) || withPrefix('refs/heads/', branch));
  if (ref === '') return null;
  if (isRefName(ref)) return ref;
  throw refuse(`${JSON.stringify(ref)} is no name of a branch, tag or commit`, 'Name a branch, a tag, a reference like refs/pull/1/head, or all digits of a commit.');
}

function withPrefix(prefix: string, name = ''): string {
  return name === '' || name.startsWith(prefix) ? name : prefix + name;
}

/** What git-check-ref-format(1) allows, and nothing that git could take for an option or a pattern. */
function isRefName(ref: string): boolean {
  return !/^[-/#]|\.\.|@\{|[\0-\x20\x7f~^:?*[\\]|\/\/|\/\.|^\.|[/.]$|\.lock(?:\/|$)/.test(ref);
}

function readDirectory(text: string): string {
  if (/[\0-\x1f\x7f]/.test(text)) throw refuse('its subdirectory holds a control character');
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw refuse(`its subdirectory ${JSON.stringify(text)} leads out of the repository`, 'Name a directory of the repository.');
  return parts.join('/');
}

function readSwitch(given: Query, name: string): boolean | null {
  const text = given.get(name);
  if (text === undefined) return null;
  const value = text === '' ? true : booleans.get(text);
  if (value === undefined) throw refuse(`invalid ${name} value: ${JSON.stringify(text)}`, 'Write true or false.');
  return value;
}

/** Files get the commit's time either way, where real times are kept at all: that of the checkout would differ each time. */
function checkChoice(mtime: string | undefined): void {
  if (mtime === undefined || mtime === 'checkout' || mtime === 'commit') return;
  throw refuse(`invalid mtime value: ${JSON.stringify(mtime)}`, 'Write commit or checkout.');
}

function agree(name: string, one: string, other: string): string {
  if (one !== '' && other !== '' && one !== other) throw refuse(`${name} conflicts: ${JSON.stringify(one)} vs ${JSON.stringify(other)}`);
  return one === '' ? other : one;
}

function refuse(reason: string, hint?: string): TsbuildError {
  return new TsbuildError('usage', 'GIT_URL_INVALID', reason, hint === undefined ? {} : { hint });
}
