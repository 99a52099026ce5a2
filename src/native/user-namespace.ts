/**
 * The user namespace of a build without root: which ids of an image are which ids of the host. It is decided here and
 * made by the sandbox process (addon/sandbox/user-namespace.cc). Start at `findUserNamespace`.
 */
import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { errnoCode, TsbuildError } from '../base/errors.ts';

/** `count` ids from `inside` on are those from `outside` on, as user_namespaces(7) writes it. */
export interface IdRange {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** A user namespace that the sandbox process works in, with the ids that an image's files can have in it. */
export interface UserNamespace {
  /** `range`: subordinate ids; `single`: one id; `inherited`: tsbuild was started as its root. */
  readonly kind: 'range' | 'single' | 'inherited';
  readonly uids: readonly IdRange[];
  readonly gids: readonly IdRange[];
  /** Whether steps can be given groups: not by who mapped only themselves. */
  readonly setsGroups: boolean;
  /** The set-user-ID programs that write the maps; only for `range`. */
  readonly programs?: { readonly uid: string; readonly gid: string };
}

/** The ids of this machine that the users of a step are. */
export interface StepIds {
  readonly uids: readonly IdRange[];
  readonly gids: readonly IdRange[];
}

/** What is known of the caller. */
export interface Caller {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
  /** /proc/self/uid_map, gid_map and setgroups. */
  readonly uidMap: string;
  readonly gidMap: string;
  readonly setgroups: string;
  /** Whether it may mount and make namespaces (CAP_SYS_ADMIN). */
  readonly isAdministrator: boolean;
  /** /etc/subuid and /etc/subgid; empty where they are not there. */
  readonly subuid: string;
  readonly subgid: string;
  readonly programs: { readonly uid: string; readonly gid: string } | null;
}

/** CAP_SYS_ADMIN of linux/capability.h. */
const administratorBit = 21n;
/** Debian and most others; NixOS. An environment variable has no say in which program with privileges is called. */
const programFolders = ['/usr/bin', '/bin', '/usr/local/bin', '/run/wrappers/bin'] as const;
const allIds = 4_294_967_295;

/** The user namespace that this process needs; null for root outside of any. It reads files and starts nothing. */
export async function findUserNamespace(): Promise<UserNamespace | null> {
  return planUserNamespace(await readCaller());
}

/** The one that this process is in, for who stays in it; null where it is that of the machine. */
export async function findOwnNamespace(): Promise<UserNamespace | null> {
  return planUserNamespace({ ...(await readCaller()), uid: 0, isAdministrator: true });
}

/** Decides by what is known of the caller. */
export function planUserNamespace(caller: Caller): UserNamespace | null {
  const [ownUids, ownGids] = [parseMap(caller.uidMap), parseMap(caller.gidMap)];
  if (caller.uid === 0 && caller.isAdministrator) {
    if (ownUids.some(({ inside, outside, count }) => inside === 0 && outside === 0 && count === allIds)) return null;
    return { kind: 'inherited', uids: ownUids, gids: ownGids, setsGroups: caller.setgroups.trim() !== 'deny' };
  }
  const uids = parseSubordinate(caller.subuid, caller, 1);
  const gids = parseSubordinate(caller.subgid, caller, 1);
  const self = (outside: number): IdRange => ({ inside: 0, outside, count: 1 });
  if (caller.programs === null || uids.length === 0 || gids.length === 0) {
    return { kind: 'single', uids: [self(caller.uid)], gids: [self(caller.gid)], setsGroups: false };
  }
  return { kind: 'range', uids: [self(caller.uid), ...uids], gids: [self(caller.gid), ...gids], setsGroups: true, programs: caller.programs };
}

/** Whether an image's id is there. */
export function hasId(ranges: readonly IdRange[], id: number): boolean {
  return ranges.some(({ inside, count }) => id >= inside && id < inside + count);
}

/**
 * The id of this machine that an id of a step is; the same where the step has no namespace of its own.
 * @throws TsbuildError `IDS_MISSING`
 */
export function hostId(ids: StepIds | null, kind: 'uids' | 'gids', id: number): number {
  if (ids === null) return id;
  const range = ids[kind].find(({ inside, count }) => id >= inside && id < inside + count);
  if (range !== undefined) return range.outside + id - range.inside;
  throw new TsbuildError('machine', 'IDS_MISSING', `--userns=auto: ${kind === 'uids' ? 'user' : 'group'} id ${id}: steps have no such id; they have ${ids[kind].reduce((sum, { count }) => sum + count, 0)}`, {
    hint: 'Give "containers" more ids in /etc/subuid and /etc/subgid, or build with --userns=host.',
  });
}

/** The arguments by which the sandbox process enters it; none where it stays where it is. */
export function userNamespaceArguments(namespace: UserNamespace | null): readonly string[] {
  if (namespace === null || namespace.kind === 'inherited') return [];
  const words = (ranges: readonly IdRange[]): string => ranges.map(({ inside, outside, count }) => `${inside},${outside},${count}`).join(',');
  return [namespace.programs?.uid ?? '', namespace.programs?.gid ?? '', words(namespace.uids), words(namespace.gids)];
}

/** What somebody without subordinate ids does to get them. */
export function subordinateHint(name: string): string {
  return `Install newuidmap (Debian: apt-get install uidmap) and, as root, give the user ids of its own: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${name}`;
}

async function readCaller(): Promise<Caller> {
  const [uidMap, gidMap, setgroups, status, subuid, subgid] = await Promise.all(
    ['/proc/self/uid_map', '/proc/self/gid_map', '/proc/self/setgroups', '/proc/self/status', '/etc/subuid', '/etc/subgid'].map(readOptional),
  );
  const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(status ?? '')?.[1] ?? '0';
  const isAdministrator = (BigInt(`0x${capabilities}`) >> administratorBit & 1n) === 1n;
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  const programs = await findPrograms();
  const texts = { uidMap: uidMap ?? '', gidMap: gidMap ?? '', setgroups: setgroups ?? '', subuid: subuid ?? '', subgid: subgid ?? '' };
  return { uid, gid, name: callerName(uid), isAdministrator, programs, ...texts };
}

/** The name of the calling user, or its number where it has none. */
export function callerName(uid = process.geteuid?.() ?? 0): string {
  try {
    return userInfo().username;
  } catch (error) {
    if (errnoCode(error) === undefined) throw error; // ENOENT: an id without an account
    return String(uid);
  }
}

async function findPrograms(): Promise<Caller['programs']> {
  const [uid, gid] = await Promise.all(['newuidmap', 'newgidmap'].map(findProgram));
  return uid === undefined || gid === undefined ? null : { uid, gid };
}

async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of programFolders) {
    const path = join(folder, name);
    if (await access(path, constants.X_OK).then(() => true, () => false)) return path;
  }
  return undefined;
}

async function readOptional(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'EACCES'].includes(errnoCode(error) ?? '')) return '';
    throw error;
  }
}

function parseMap(text: string): IdRange[] {
  return text.split('\n').flatMap((line) => {
    const [inside, outside, count] = line.trim().split(/\s+/).map(Number);
    return inside === undefined || outside === undefined || count === undefined ? [] : [{ inside, outside, count }];
  });
}

/**
 * subuid(5): lines `user:first:count`, the user by name or number; all lines of a user count, one behind the other, from the id
 * `firstInside` on.
 */
export function parseSubordinate(text: string, { name, uid }: Pick<Caller, 'name' | 'uid'>, firstInside: number): IdRange[] {
  const ranges: IdRange[] = [];
  let inside = firstInside;
  for (const line of text.split('\n')) {
    const match = /^([^:]+):(\d{1,10}):(\d{1,10})$/.exec(line.trim());
    if (match === null || (match[1] !== name && match[1] !== String(uid))) continue;
    const [outside, count] = [Number(match[2]), Number(match[3])];
    if (count === 0 || outside + count > allIds) continue;
    ranges.push({ inside, outside, count });
    inside += count;
  }
  return ranges;
}
