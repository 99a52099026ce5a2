/**
 * USER and --chown: names become numbers by the image's own /etc/passwd and /etc/group, whose texts come in
 * (SEMANTICS A6, 61, 86; "Ours", 3). Numbers never need the files.
 */
import { TsbuildError } from '../base/errors.ts';
import { suggestionHint } from '../dockerfile/suggest.ts';

/** The two files of an image; empty where it has none. */
export interface AccountFiles {
  readonly passwd: string;
  readonly group: string;
}

/** Longest account file that is read. */
export const accountFileSizeMax = 1024 * 1024;

export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
  readonly home: string;
}

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

const idMax = 0xfffffffe;

function parseID(text: string | undefined): number | null {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return null;
  const id = Number(text);
  return id <= idMax ? id : null;
}

function linesOf(text: string): readonly (readonly string[])[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));
}

function parsePasswd(text: string): readonly PasswdEntry[] {
  return linesOf(text).flatMap(([name = '', , uidText, gidText, , home = '']) => {
    const uid = parseID(uidText);
    const gid = parseID(gidText);
    return uid === null || gid === null ? [] : [{ name, uid, gid, home }];
  });
}

function parseGroup(text: string): readonly GroupEntry[] {
  return linesOf(text).flatMap(([name = '', , gidText, members = '']) => {
    const gid = parseID(gidText);
    return gid === null ? [] : [{ name, gid, members: members.split(',').filter((member) => member !== '') }];
  });
}

interface UserRequest {
  readonly user: string;
  /** Null where there is no colon. */
  readonly group: string | null;
}

function splitUser(text: string): UserRequest {
  const at = text.indexOf(':');
  return at < 0 ? { user: text, group: null } : { user: text.slice(0, at), group: text.slice(at + 1) };
}

/** Where a name was looked for. */
interface Place {
  readonly stage: string;
  readonly file: '/etc/passwd' | '/etc/group';
  /** The names that are there. */
  readonly known: readonly { readonly name: string }[];
}

function unknown(kind: 'user' | 'group', name: string, { stage, file, known }: Place): TsbuildError {
  const meant = suggestionHint(name, known.map((entry) => entry.name));
  const advice = `Add the ${kind} in an earlier RUN step of that stage, or write its number.`;
  const cause = known.length === 0 ? `there are no ${kind}s in ${file}` : `no matching entries in ${file}`;
  return new TsbuildError('usage', 'USER_UNKNOWN', `unable to find ${kind} ${name} in stage ${stage}: ${cause}`, {
    hint: meant === undefined ? advice : `${meant} ${advice}`,
    details: { [kind]: name, stage },
  });
}

/** Whether the names in `user[:group]` can be resolved without reading the image. */
export function isNumericUser(text: string): boolean {
  const { user, group } = splitUser(text);
  return (user === '' || parseID(user) !== null) && (group === null || group === '' || parseID(group) !== null);
}

/** `root` behind or before a colon is 0 where the other side is a number or `root` too (BuildKit, executor/oci/user.go). */
function rootAsNumber(request: UserRequest): UserRequest {
  const { user, group } = request;
  const isPlain = (part: string | null): boolean => part === 'root' || parseID(part ?? undefined) !== null;
  if (!isPlain(user) || !isPlain(group)) return request;
  return { user: user === 'root' ? '0' : user, group: group === 'root' ? '0' : group };
}

/**
 * The identity of a step (SEMANTICS A6, 86): an empty user is root; `user:group` has that group and no others; a name or
 * a known number has its primary and supplementary groups; an unknown number has group 0. A number is never a name.
 * `root:root` needs no files, while `root` alone does.
 * @throws TsbuildError `USER_UNKNOWN`
 */
export function resolveUser(text: string, files: AccountFiles, stage: string): ResolvedUser {
  const { user, group } = rootAsNumber(splitUser(text));
  const entries = parsePasswd(files.passwd);
  const wanted = user === '' ? '0' : user;
  const id = parseID(wanted);
  const entry = entries.find((candidate) => (id === null ? candidate.name === wanted : candidate.uid === id));
  if (entry === undefined && id === null) throw unknown('user', wanted, { stage, file: '/etc/passwd', known: entries });
  const uid = entry?.uid ?? id ?? 0;
  const home = entry === undefined || entry.home === '' ? '/' : entry.home;
  const groups = parseGroup(files.group);
  if (group !== null && group !== '') return { uid, gid: groupID(group, groups, stage), groups: [], home };
  const supplementary = entry === undefined ? [] : groups.filter((candidate) => candidate.members.includes(entry.name));
  const ids = [...new Set(supplementary.map((candidate) => candidate.gid))].sort((a, b) => a - b);
  return { uid, gid: entry?.gid ?? 0, groups: ids, home };
}

function groupID(name: string, groups: readonly GroupEntry[], stage: string): number {
  const id = parseID(name) ?? groups.find((candidate) => candidate.name === name)?.gid ?? null;
  if (id === null) throw unknown('group', name, { stage, file: '/etc/group', known: groups });
  return id;
}

/**
 * The owner that `--chown` means (SEMANTICS A6, 61): a name's primary group, or the same number as the user where a
 * number stands alone. A name that the stage does not know is an error that names both ("Ours", 3).
 * @throws TsbuildError `USER_UNKNOWN`
 */
export function resolveOwner(text: string, files: AccountFiles, stage: string): { readonly uid: number; readonly gid: number } {
  const { user, group } = splitUser(text);
  const entries = parsePasswd(files.passwd);
  const id = parseID(user);
  const entry = id === null ? entries.find((candidate) => candidate.name === user) : undefined;
  if (entry === undefined && id === null && user !== '') throw unknown('user', user, { stage, file: '/etc/passwd', known: entries });
  const uid = entry?.uid ?? id ?? 0;
  if (group === null || group === '') return { uid, gid: entry?.gid ?? (group === null ? uid : 0) };
  return { uid, gid: groupID(group, parseGroup(files.group), stage) };
}
