/**
 * Plans what is mounted in a step's root: the kernel's file systems, devices, generated files, and what the user asked
 * for. It mounts nothing. Start at `planPrivate`, which comes first, and `planRootMounts`.
 *
 * Every tree but the six devices themselves is mounted `nodev`: a step may make device nodes (CAP_MKNOD, as with
 * Docker) and images may contain them, but none can be opened, whether there is a device cgroup or not.
 *
 * In a user namespace of the step's own (`stepIds`) all of it is made from outside, with the ids that the namespace's have here.
 *
 * In the user namespace of a whole build nobody can make devices: there the host's own are bound. Nor can its root mount the sysfs of a
 * network that is not its own.
 */
import { compareBytes } from '../base/canonical.ts';
import { hasId, hostId } from '../native/user-namespace.ts';
import type { MountAttribute, Operation, Place } from './operation.ts';
import type { StepMount, StepSpec } from './step.ts';

/** The devices of every step, by their numbers in the kernel (Documentation/admin-guide/devices.txt). */
export const devices = [
  { name: 'null', major: 1, minor: 3 },
  { name: 'zero', major: 1, minor: 5 },
  { name: 'full', major: 1, minor: 7 },
  { name: 'random', major: 1, minor: 8 },
  { name: 'urandom', major: 1, minor: 9 },
  { name: 'tty', major: 5, minor: 0 },
] as const;

/** Links in /dev, with their targets. */
export const deviceLinks = [
  ['ptmx', 'pts/ptmx'],
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
] as const;

/** As the container runtimes hide them by default (moby/profiles, oci.DefaultLinuxSpec), and CVE-2024-21626's kin. */
const maskedInProc = [
  'acpi', 'asound', 'interrupts', 'kcore', 'keys', 'latency_stats', 'sched_debug', 'scsi', 'timer_list', 'timer_stats',
] as const;
const maskedInSys = ['firmware', 'devices/virtual/powercap'] as const;
const protectedInProc = ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'] as const;

const inPrivate = (path: string): Place => ({ in: 'private', path });
const inDev = (path: string): Place => ({ in: 'dev', path });
const inRoot = (path: string): Place => ({ in: 'root', path });
const emptyDirectory = inPrivate('empty');
/** `tty` of Debian and others, as the container runtimes set it. */
const terminalGroup = 5;
const data: readonly MountAttribute[] = ['nosuid', 'nodev', 'noexec'];

/** Room for what we put on the private tmpfs besides secrets; /etc/hostname can be written to by the step. */
const privateBytesMin = 1 << 20;

/** A file that exists for a step only. */
export interface GeneratedFile {
  readonly name: string;
  readonly target: string;
  readonly content: string | Uint8Array;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly readOnly: boolean;
}

/** The generated files of every step. Read-only as with BuildKit, but for /etc/hostname, which BuildKit leaves alone: writing to it must not fail. */
export function systemFiles(spec: StepSpec): GeneratedFile[] {
  const file = (name: string, content: string, readOnly: boolean): GeneratedFile => ({ name, target: `/etc/${name}`, content, uid: 0, gid: 0, mode: 0o644, readOnly });
  return [file('hosts', spec.hosts, true), file('resolv.conf', spec.resolvConf, true), file('hostname', `${spec.hostname}\n`, false)];
}

function secretFile(mount: StepMount & { readonly kind: 'secret' }, index: number): GeneratedFile {
  const { target, content, uid, gid, mode } = mount;
  return { name: `secret${index}`, target, content, uid, gid, mode, readOnly: true };
}

/** In the order of BuildKit: by target, so that a mount never hides one below it. */
function sortedMounts(spec: StepSpec): StepMount[] {
  return [...spec.mounts].sort((a, b) => compareBytes(a.target, b.target));
}

/** A tmpfs that only we see, with the files that are then bound into the root, and the views to bind from. */
export function planPrivate(spec: StepSpec): Operation[] {
  const mounts = sortedMounts(spec);
  const secrets = mounts.flatMap((mount, index) => (mount.kind === 'secret' ? [secretFile(mount, index)] : []));
  const bytes = secrets.reduce((sum, file) => sum + file.content.length + 4096, privateBytesMin);
  return [
    { operation: 'mount', type: 'tmpfs', options: [['source', 'private'], ['mode', '700'], ['size', String(bytes)]], attributes: ['nosuid', 'noexec'], as: 'private', at: null },
    { operation: 'make directory', at: emptyDirectory, mode: 0o755 },
    ...(spec.userNamespace !== null ? [] : devices).map(({ name, major, minor }): Operation => ({ operation: 'make device', at: inPrivate(name), mode: 0o666, major, minor })),
    ...[...systemFiles(spec), ...secrets].map((file): Operation => {
      const { name, content, mode } = file;
      const [uid, gid] = [hostId(spec.stepIds, 'uids', file.uid), hostId(spec.stepIds, 'gids', file.gid)];
      return { operation: 'make file', at: inPrivate(name), content, mode, uid, gid };
    }),
    ...mounts.flatMap((mount, index) => planTree(mount, index, spec)),
  ];
}

/** What a mount is bound from, where that is a tree that links are followed in. */
function planTree(mount: StepMount, index: number, spec: StepSpec): Operation[] {
  if (mount.kind === 'bind') return [{ operation: 'mount view', as: `view${index}`, view: mount.view, userxattr: spec.userNamespace !== null, attributes: layerAttributes(spec, ['nodev']) }];
  if (mount.kind === 'path' && mount.source !== undefined) return [{ operation: 'open tree', as: `tree${index}`, path: mount.path }];
  return [];
}

/** Everything below the root, lowest first. */
export function planRootMounts(spec: StepSpec): Operation[] {
  const secure = spec.security === 'sandbox';
  return [
    { operation: 'mount', type: 'proc', options: [['source', 'proc']], attributes: data, as: 'proc', at: inRoot('/proc') },
    ...planPorts(spec),
    ...planDev(spec),
    planSys(spec, secure ? ['ro', ...data] : data),
    ...planCgroups(spec),
    ...(secure ? planMasks(spec) : []),
    planOutput(spec),
    ...systemFiles(spec).map((file) => bindFile(file)),
    ...sortedMounts(spec).map((mount, index) => planMount(mount, index, spec)),
  ];
}

/** What images and the store have on disk: shown with the ids of the step, where it has its own. */
export function layerAttributes({ stepIds }: StepSpec, attributes: readonly MountAttribute[]): readonly MountAttribute[] {
  return stepIds === null ? attributes : [...attributes, 'mapped'];
}

/**
 * Its network belongs to the machine's root, not to the step's, whose capabilities therefore do not count there: so everybody in
 * it may listen below port 1024 and ping. Not where the network is the machine's own.
 */
function planPorts({ stepIds, network }: StepSpec): Operation[] {
  if (stepIds === null || network === 'host') return [];
  const parameter = (name: string, value: string): Operation => ({ operation: 'set kernel parameter', at: { in: 'proc', path: `sys/net/ipv4/${name}` }, value });
  return [parameter('ip_unprivileged_port_start', '0'), parameter('ping_group_range', '0 2147483647')];
}

function planSys({ userNamespace, network }: StepSpec, attributes: readonly MountAttribute[]): Operation {
  if (userNamespace === null || network !== 'host') {
    return { operation: 'mount', type: 'sysfs', options: [['source', 'sysfs']], attributes, as: 'sys', at: inRoot('/sys') };
  }
  return { operation: 'bind', from: { in: 'host', path: '/sys' }, at: inRoot('/sys'), attributes, recursive: true, as: 'sys' };
}

/** Before anything of an image's or a Dockerfile's choice can lie on /dev/null, such as a mount whose target is a link to it. */
function planOutput({ stepIds, user }: StepSpec): Operation {
  return { operation: 'connect output', input: inDev('null'), uid: hostId(stepIds, 'uids', user.uid), gid: hostId(stepIds, 'gids', user.gid) };
}

/** Where a device of the step comes from. */
function deviceSource({ userNamespace }: StepSpec, name: string): Place {
  return userNamespace === null ? inPrivate(name) : { in: 'host', path: `/dev/${name}` };
}

function planDev(spec: StepSpec): Operation[] {
  const tmpfs = (name: string, mode: string, sizeBytes: number): Operation & { readonly operation: 'mount' } =>
    ({ operation: 'mount', type: 'tmpfs', options: [['source', name], ['mode', mode], ['size', String(sizeBytes)]], attributes: data, as: null, at: null });
  const directory = (name: string): Operation => ({ operation: 'make directory', at: inDev(name), mode: 0o755 });
  const link = (name: string, target: string): Operation => ({ operation: 'make link', at: inDev(name), target });
  const devAttributes: readonly MountAttribute[] = spec.security === 'sandbox' ? ['nosuid', 'nodev', 'strictatime'] : ['nosuid', 'strictatime'];
  return [
    { ...tmpfs('tmpfs', '755', 64 << 20), attributes: devAttributes, as: 'dev', at: inRoot('/dev') },
    ...devices.flatMap(({ name }): Operation[] => [
      { operation: 'make file', at: inDev(name), content: '', mode: 0o666, uid: 0, gid: 0 },
      { operation: 'bind', from: deviceSource(spec, name), at: inDev(name), attributes: ['nosuid', 'noexec'] },
    ]),
    ...['pts', 'shm', 'mqueue'].map(directory),
    ...deviceLinks.map(([name, target]) => link(name, target)),
    { operation: 'mount', type: 'devpts', options: [['source', 'devpts'], ['newinstance', ''], ['ptmxmode', '0666'], ['mode', '0620'], ...(spec.userNamespace === null || hasId(spec.userNamespace.gids, terminalGroup) ? [['gid', String(hostId(spec.stepIds, 'gids', terminalGroup))]] as const : [])], attributes: ['nosuid', 'noexec'], as: null, at: inDev('pts') },
    { ...tmpfs('shm', '1777', spec.shmSizeBytes), at: inDev('shm') },
    { operation: 'mount', type: 'mqueue', options: [['source', 'mqueue']], attributes: data, as: null, at: inDev('mqueue') },
  ];
}

/**
 * The step's own groups, as BuildKit shows them: programs read there how much memory and how many processors they have.
 * Without that a virtual machine takes its share of the whole machine's memory, and is killed at the limit.
 */
function planCgroups({ cgroups: { view }, security }: StepSpec): Operation[] {
  if (view === null) return [];
  const attributes: readonly MountAttribute[] = security === 'sandbox' ? ['ro', ...data] : data;
  const at = { in: 'sys', path: 'fs/cgroup' };
  if (view.version === 2) return [{ operation: 'mount', type: 'cgroup2', options: [['source', 'cgroup']], attributes, as: null, at, optional: true }];
  return [
    { operation: 'mount', type: 'tmpfs', options: [['source', 'tmpfs'], ['mode', '755'], ['size', '65536']], attributes: data, as: 'cgroups', at },
    ...view.trees.flatMap((names): Operation[] => {
      const place = { in: 'cgroups', path: names.join(',') };
      return [
        { operation: 'make directory', at: place, mode: 0o755 },
        { operation: 'mount', type: 'cgroup', options: [['source', 'cgroup'], ...names.map((name) => [name, ''] as const)], attributes, as: null, at: place, optional: true },
      ];
    }),
    ...(security === 'sandbox' ? [{ operation: 'make read-only', in: 'cgroups' } as const] : []),
  ];
}

function planMasks(spec: StepSpec): Operation[] {
  const nullDevice = deviceSource(spec, 'null');
  return [
    { operation: 'mask', in: 'proc', paths: maskedInProc, file: nullDevice, directory: emptyDirectory },
    { operation: 'mask', in: 'sys', paths: maskedInSys, file: nullDevice, directory: emptyDirectory },
    { operation: 'protect', in: 'proc', paths: protectedInProc },
  ];
}

function bindFile(file: GeneratedFile): Operation {
  return { operation: 'bind', from: inPrivate(file.name), at: inRoot(file.target), attributes: file.readOnly ? ['ro', ...data] : data };
}

function planMount(mount: StepMount, index: number, spec: StepSpec): Operation {
  const at = inRoot(mount.target);
  switch (mount.kind) {
    case 'bind':
      return { operation: 'bind', from: { in: `view${index}`, path: mount.source }, at, attributes: mount.readOnly ? ['ro', 'nodev'] : ['nodev'] };
    case 'path': {
      const from = mount.source === undefined ? { in: 'host', path: mount.path } : { in: `tree${index}`, path: mount.source };
      return { operation: 'bind', from, at, attributes: layerAttributes(spec, mount.readOnly ? ['ro', 'nodev'] : ['nodev']) };
    }
    case 'tmpfs': {
      const size: readonly (readonly [string, string])[] = mount.sizeBytes === undefined ? [] : [['size', String(mount.sizeBytes)]];
      const options: readonly (readonly [string, string])[] = [['source', 'tmpfs'], ['mode', (mount.mode ?? 0o1777).toString(8)], ...size];
      const attributes: readonly MountAttribute[] = mount.readOnly === true ? ['ro', 'nosuid', 'nodev'] : ['nosuid', 'nodev'];
      return { operation: 'mount', type: 'tmpfs', options, attributes, as: null, at, modeOfTarget: mount.mode === undefined };
    }
    case 'secret':
      return bindFile(secretFile(mount, index));
  }
}
