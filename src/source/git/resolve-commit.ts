/** What a reference of a repository stands for now, by one `git ls-remote`; a whole commit stands for itself. */
import { TsbuildError } from '../../base/errors.ts';
import { isCommit } from '../../dockerfile/git-query.ts';
import type { GitUrl } from '../../dockerfile/git-url.ts';

export interface ResolvedCommit {
  /** What a tag leads to, not the tag. */
  readonly commit: string;
  /** The full name that it was found by, for fetching it; null where only the commit is known. */
  readonly ref: string | null;
}

/** Lists references of the remote: `git ls-remote` with these arguments. */
export type ListReferences = (args: readonly string[]) => Promise<string>;

/**
 * @param what for messages: `git repository https://…`
 * @throws TsbuildError `GIT_REF_NOT_FOUND`, `CHECKSUM_MISMATCH`, class registry; what `list` throws
 */
export async function resolveCommit(what: string, url: GitUrl, remote: string, list: ListReferences): Promise<ResolvedCommit> {
  const { ref, checksum, fetchByCommit } = url;
  if (fetchByCommit && checksum !== null) return { commit: checksum, ref: null };
  if (ref !== null && isCommit(ref)) return checked(what, { commit: ref, ref: null, tag: null }, checksum);
  const found = ref === null ? findDefault(await list(['--symref', '--', remote, 'HEAD'])) : find(ref, await list(['--', remote, ref, `${ref}^{}`]));
  if (found !== null) return checked(what, found, checksum);
  throw new TsbuildError('registry', 'GIT_REF_NOT_FOUND', `${what}: ${ref === null ? 'it has no branch to begin with' : `it has no reference ${JSON.stringify(ref)}`}`, {
    hint: 'Name a branch or a tag that is there, or a commit with all its digits.',
  });
}

interface Found extends ResolvedCommit {
  /** The object of an annotated tag. */
  readonly tag: string | null;
}

function checked(what: string, { commit, ref, tag }: Found, checksum: string | null): ResolvedCommit {
  if (checksum === null || commit.startsWith(checksum) || tag?.startsWith(checksum) === true) return { commit, ref };
  const got = tag === null ? commit : `${tag} or ${commit}`;
  throw new TsbuildError('registry', 'CHECKSUM_MISMATCH', `${what}: expected checksum to match ${checksum}, got ${got}`, {
    hint: 'The reference has moved, or the checksum is wrong.',
  });
}

/** Names and objects, as `git ls-remote` prints them: `<object> TAB <name>`. */
function parseReferences(text: string): ReadonlyMap<string, string> {
  const lines = text.split('\n').map((line) => line.split('\t'));
  return new Map(lines.flatMap(([object = '', name = '']) => (isCommit(object) ? [[name, object] as const] : [])));
}

function findDefault(text: string): Found | null {
  const commit = parseReferences(text).get('HEAD');
  if (commit === undefined) return null;
  return { commit, ref: /^ref: (refs\/heads\/\S+)\tHEAD$/m.exec(text)?.[1] ?? 'HEAD', tag: null };
}

/** A full name first, then a branch, then a tag, as git-checkout prefers them. */
function find(ref: string, text: string): Found | null {
  const references = parseReferences(text);
  const short = ref.replace(/^refs\//, '');
  const names = [`refs/${short}`, `refs/heads/${short.replace(/^heads\//, '')}`, `refs/tags/${short.replace(/^tags\//, '')}`];
  const name = names.find((candidate) => references.has(candidate));
  const object = name === undefined ? undefined : references.get(name);
  if (name === undefined || object === undefined) return null;
  const peeled = references.get(`${name}^{}`);
  return peeled === undefined ? { commit: object, ref: name, tag: null } : { commit: peeled, ref: name, tag: object };
}
