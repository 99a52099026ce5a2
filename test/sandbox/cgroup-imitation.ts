/**
 * A directory that imitates cgroup2 as far as tsbuild uses it: files appear with a group, controllers are handed down by
 * `cgroup.subtree_control`, a group with processes has no limited children, removing takes the files away. For a version
 * of control groups that the machine of the tests need not have; the real one judges in `cgroup-steps.test.ts`.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cgroupFiles, type CgroupFiles } from '../../src/sandbox/cgroup/files.ts';

const filesOf: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  memory: { 'memory.max': 'max\n', 'memory.swap.max': 'max\n', 'memory.peak': '0\n', 'memory.events': 'low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n' },
  cpu: { 'cpu.max': 'max 100000\n', 'cpu.weight': '100\n' },
  cpuset: { 'cpuset.cpus': '\n', 'cpuset.mems': '\n' },
  pids: { 'pids.max': 'max\n', 'pids.events': 'max 0\n' },
  io: { 'io.stat': '' },
};

const failure = (code: string): Error => Object.assign(new Error(code), { code });
const words = (path: string): string[] => readFileSync(path, 'utf8').split(/\s+/).filter((word) => word !== '');

/** The root, with these controllers. */
export function imitateRoot(directory: string, controllers: readonly string[]): void {
  mkdirSync(directory);
  fill(directory, controllers);
}

/** A group below another; `processes` are in it. */
export function imitateGroup(directory: string, processes = ''): void {
  mkdirSync(directory);
  fill(directory, words(join(dirname(directory), 'cgroup.subtree_control')));
  writeFileSync(join(directory, 'cgroup.type'), 'domain\n');
  writeFileSync(join(directory, 'cgroup.procs'), processes);
}

function fill(directory: string, controllers: readonly string[]): void {
  writeFileSync(join(directory, 'cgroup.controllers'), `${controllers.join(' ')}\n`);
  writeFileSync(join(directory, 'cgroup.subtree_control'), '\n');
  writeFileSync(join(directory, 'cgroup.procs'), '');
  writeFileSync(join(directory, 'cpu.stat'), 'usage_usec 0\nuser_usec 0\nsystem_usec 0\n');
  for (const controller of controllers) enable(directory, controller);
}

function enable(directory: string, controller: string): void {
  for (const [name, text] of Object.entries(filesOf[controller] ?? {})) writeFileSync(join(directory, name), text);
}

/** From the group above, where tsbuild moves its own. */
function move(path: string, pid: string): void {
  const above = join(dirname(dirname(path)), 'cgroup.procs');
  writeFileSync(above, words(above).filter((other) => other !== pid).map((other) => `${other}\n`).join(''));
  writeFileSync(path, `${[...words(path), pid].join('\n')}\n`);
}

export const imitatedFiles: CgroupFiles = {
  ...cgroupFiles,
  make: async (path) => {
    if (readdirSync(dirname(path)).includes(path.slice(dirname(path).length + 1))) throw failure('EEXIST');
    imitateGroup(path);
    return Promise.resolve();
  },
  remove: async (path) => {
    const entries = readdirSync(path, { withFileTypes: true });
    if (entries.some((entry) => entry.isDirectory()) || words(join(path, 'cgroup.procs')).length > 0) throw failure('EBUSY');
    rmSync(path, { recursive: true });
    return Promise.resolve();
  },
  write: async (path, value) => {
    if (path.endsWith('/cgroup.procs')) return move(path, value);
    if (!path.endsWith('/cgroup.subtree_control')) return cgroupFiles.write(path, value);
    const directory = dirname(path);
    const controller = value.slice(1);
    const isRoot = !readdirSync(directory).includes('cgroup.type');
    if (!isRoot && words(join(directory, 'cgroup.procs')).length > 0) throw failure('EBUSY');
    if (!words(join(directory, 'cgroup.controllers')).includes(controller)) throw failure('ENOENT');
    writeFileSync(path, `${[...words(path), controller].join(' ')}\n`);
    for (const entry of readdirSync(directory, { withFileTypes: true }).filter((child) => child.isDirectory())) {
      const child = join(directory, entry.name);
      writeFileSync(join(child, 'cgroup.controllers'), `${[...words(join(child, 'cgroup.controllers')), controller].join(' ')}\n`);
      enable(child, controller);
    }
  },
};
