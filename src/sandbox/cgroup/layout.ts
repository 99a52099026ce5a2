/**
 * Where control groups are on this machine and where in them this process is, read from `/proc/self/mountinfo` and
 * `/proc/self/cgroup` (cgroups(7)). Pure: it opens nothing. Start at `parseLayout`.
 */

/** What limits and measures. v1 calls `io` `blkio`. Its `cpuacct` says no more than wait4(2) and would cost every step a group. */
export const controllers = ['memory', 'cpu', 'cpuset', 'pids', 'io'] as const;
export type Controller = (typeof controllers)[number];

/** One mounted tree of control groups. */
export interface Hierarchy {
  /** All of them in cgroup2. In cgroup v1 those that are mounted there, often one. */
  readonly controllers: readonly Controller[];
  /** In v1 the names of all controllers of the tree, also of those that do not matter here, as mount(2) wants them. */
  readonly names: readonly string[];
  /** The directory of the tree's root, as far as it can be seen. */
  readonly mount: string;
  /** This process's own group: a path below `mount`, '' for the root. */
  readonly own: string;
}

export interface CgroupLayout {
  /** 1 also for the hybrid of both, in which the controllers are in the trees of v1. */
  readonly version: 1 | 2;
  readonly hierarchies: readonly Hierarchy[];
}

/** The layout; null where no control groups can be seen. */
export function parseLayout(mountinfo: string, selfCgroup: string): CgroupLayout | null {
  const mounts = mountinfo.split('\n').flatMap(parseMount);
  const groups = selfCgroup.split('\n').flatMap(parseGroup);
  const v1 = groups.flatMap(({ names, path }) => {
    const own = controllers.filter((controller) => names.includes(nameInV1(controller)));
    const mount = mounts.find((candidate) => candidate.type === 'cgroup' && own.length > 0 && own.every((controller) => candidate.options.includes(nameInV1(controller))) && below(candidate.root, path) !== null);
    return mount === undefined ? [] : [{ controllers: own, names, mount: mount.at, own: below(mount.root, path) ?? '' }];
  });
  if (v1.length > 0) return { version: 1, hierarchies: v1 };
  const path = groups.find(({ names }) => names.length === 0)?.path;
  const mount = path === undefined ? undefined : mounts.find((candidate) => candidate.type === 'cgroup2' && below(candidate.root, path) !== null);
  if (path === undefined || mount === undefined) return null;
  return { version: 2, hierarchies: [{ controllers, names: [], mount: mount.at, own: below(mount.root, path) ?? '' }] };
}

function nameInV1(controller: Controller): string {
  return controller === 'io' ? 'blkio' : controller;
}

interface Mount {
  readonly type: string;
  /** Which directory of the tree is mounted. */
  readonly root: string;
  readonly at: string;
  readonly options: readonly string[];
}

/** `29 23 0:26 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory` (proc_pid_mountinfo(5)). */
function parseMount(line: string): Mount[] {
  const [before, after] = line.split(' - ');
  const [, , , root, at] = before?.split(' ') ?? [];
  const [type, , options] = after?.split(' ') ?? [];
  if (root === undefined || at === undefined || (type !== 'cgroup' && type !== 'cgroup2')) return [];
  return [{ type, root: unescape(root), at: unescape(at), options: options?.split(',') ?? [] }];
}

/** Spaces, tabs, line ends and backslashes are written as `\040`. */
function unescape(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** `4:memory:/user.slice`, in cgroup2 `0::/user.slice`. */
function parseGroup(line: string): { readonly names: readonly string[]; readonly path: string }[] {
  const match = /^\d+:([^:]*):(\/.*)$/.exec(line);
  if (match === null) return [];
  return [{ names: match[1] === '' ? [] : (match[1]?.split(',') ?? []), path: match[2] ?? '/' }];
}

/** The path below a directory, '' for itself; null if it is elsewhere, also above (`/../x`, of another namespace). */
function below(directory: string, path: string): string | null {
  if (path.split('/').includes('..')) return null;
  if (directory === '/' || path === directory) return path === directory ? '' : path.slice(1);
  return path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : null;
}
