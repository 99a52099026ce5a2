/**
 * A container as Docker makes it by default: root in it, fourteen capabilities, the system call filter that denies mounts and
 * namespaces, a root file system on overlayfs. Its programs are those of this machine, read-only; tsbuild lies in it as a package does.
 * Needs root and runc.
 */
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultCapabilityNames } from '../../src/sandbox/capabilities.ts';
import { seccompProfile } from '../../src/sandbox/seccomp-profile.ts';
import type { Need } from './needs.ts';
import { mustRun, runProcess, type Finished } from './run-process.ts';
import { repository } from './tsbuild.ts';

/** What a test in a container needs. */
export const forContainer: readonly Need[] = ['root', { program: 'runc' }];

/** A container that can be started any number of times, one after the other. */
export interface Container {
  /** Seen as /work inside, on the host: contexts, outputs, and the store at /work/store unless a test says otherwise. */
  readonly work: string;
  /** Runs a command as process 1 of a fresh container; what it writes outside /work is gone afterwards. */
  run(argv: readonly string[], options?: ContainerOptions): Promise<Finished>;
  /** Runs `tsbuild ARGS`, with its store on the container's own overlayfs unless `store` says otherwise. */
  tsbuild(args: readonly string[], options?: ContainerOptions): Promise<Finished>;
  remove(): Promise<void>;
}

export interface ContainerOptions {
  readonly store?: string;
  /** Without these of Docker's fourteen. */
  readonly without?: readonly string[];
  /** With a filter that lets user namespaces be made, as Podman's does. */
  readonly allowsNamespaces?: boolean;
}

/**
 * Docker's default filter as the OCI runtime specification has it: the policy of steps follows it (test/sandbox/seccomp.test.ts).
 * `namespaces` is Podman's: there a user namespace can be made, but not all that a step needs in it.
 */
function seccompOf(capabilities: ReadonlySet<string>, allowsNamespaces: boolean): Record<string, unknown> {
  const { allowed } = seccompProfile(process.arch === 'arm64' ? 'arm64' : 'x64', capabilities);
  const namespaceFlags = 0x7e020000; // CLONE_NEW*, as in the profile's rule for clone
  const clone = allowsNamespaces ? { names: ['clone', 'unshare', 'mount', 'umount2', 'pivot_root', 'fsopen', 'fsconfig', 'fsmount', 'move_mount', 'open_tree', 'mount_setattr', 'setns'], action: 'SCMP_ACT_ALLOW' }
    : { names: ['clone'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: namespaceFlags, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }] };
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 1,
    architectures: process.arch === 'arm64' ? ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'] : ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
    syscalls: [
      { names: [...allowed, 'personality', 'socket'], action: 'SCMP_ACT_ALLOW' },
      clone,
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 },
    ],
  };
}

const noise = ['nosuid', 'noexec', 'nodev'];
const kernelMounts = [
  { destination: '/proc', type: 'proc', source: 'proc' },
  { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'] },
  { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'] },
  { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: [...noise, 'mode=1777', 'size=65536k'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...noise, 'ro'] },
];

function specification(folder: string, argv: readonly string[], { store = '/store', without = [], allowsNamespaces = false }: ContainerOptions): Record<string, unknown> {
  const capabilities = [...defaultCapabilityNames].filter((name) => !without.includes(name));
  const readOnly = (path: string, source = path): Record<string, unknown> => ({ destination: path, type: 'bind', source, options: ['rbind', 'ro'] });
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: argv,
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', `TSBUILD_ROOT=${store}`],
      cwd: '/work',
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    },
    root: { path: join(folder, 'root') },
    hostname: 'container',
    mounts: [
      ...kernelMounts,
      readOnly('/usr'),
      readOnly('/etc'),
      readOnly('/tsbuild', join(folder, 'package')),
      { destination: '/work', type: 'bind', source: join(folder, 'work'), options: ['rbind', 'rw'] },
    ],
    linux: {
      namespaces: ['pid', 'ipc', 'uts', 'mount', 'network'].map((type) => ({ type })),
      maskedPaths: ['/proc/acpi', '/proc/asound', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/timer_list', '/proc/sched_debug', '/proc/scsi', '/sys/firmware'],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
      resources: { devices: deviceRules },
      seccomp: seccompOf(new Set(capabilities), allowsNamespaces),
    },
  };
}

/** Docker's: every node may be made, only these may be opened. */
const deviceRules = [
  { allow: false, access: 'rwm' },
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  ...[[1, 3], [1, 5], [1, 7], [1, 8], [1, 9], [5, 0], [5, 1], [5, 2]].map(([major, minor]) => ({ allow: true, type: 'c', major, minor, access: 'rwm' })),
];

/** Makes the root file system, as Docker makes it: an overlay, which the container can write to. */
export function makeContainer(): Container {
  const folder = mkdtempSync(join(tmpdir(), 'tsbuild-container-'));
  for (const name of ['root', 'lower', 'package', 'work']) mkdirSync(join(folder, name));
  chmodSync(folder, 0o755);
  for (const name of ['bin', 'lib', 'lib64', 'sbin']) symlinkSync(`usr/${name}`, join(folder, 'lower', name));
  for (const name of ['etc', 'usr', 'tsbuild', 'work', 'tmp', 'root', 'store', 'proc', 'sys', 'dev']) mkdirSync(join(folder, 'lower', name));
  for (const part of ['dist', 'build/Release/tsbuild.node', 'build/Release/tsbuild-sandbox', 'package.json']) cpSync(join(repository, part), join(folder, 'package', part), { recursive: true });
  let count = 0;
  const run = async (argv: readonly string[], options: ContainerOptions = {}): Promise<Finished> => {
    const id = `tsbuild-${String(process.pid)}-${String((count += 1))}`;
    for (const name of [`upper-${id}`, `work-${id}`, id]) mkdirSync(join(folder, name));
    const root = join(folder, 'root');
    await mustRun('mount', ['-t', 'overlay', 'overlay', '-o', `lowerdir=${join(folder, 'lower')},upperdir=${join(folder, `upper-${id}`)},workdir=${join(folder, `work-${id}`)}`, root]);
    try {
      writeFileSync(join(folder, id, 'config.json'), JSON.stringify(specification(folder, argv, options)));
      return await runProcess('runc', ['--root', join(folder, 'state'), 'run', '--bundle', join(folder, id), id], {});
    } finally {
      await mustRun('umount', [root]);
    }
  };
  return {
    work: join(folder, 'work'),
    run,
    tsbuild: (args, options) => run([process.execPath, '/tsbuild/dist/tsbuild.cjs', ...args], options),
    remove: () => Promise.resolve(rmSync(folder, { recursive: true, force: true })),
  };
}
