/**
 * Plans a RUN step where there are no namespaces and no mounts: in a container without privileges. What a sandbox mounts is
 * placed into the step's tree and taken out again after it; the step is kept in its tree by chroot, without the capability to
 * leave it, by a stricter system call filter, and by Landlock where the kernel has it. What that cannot do is refused by name
 * where a Dockerfile or an option asks for it. Start at `planChrootStep`.
 */
import { dirname, join } from 'node:path';
import { compareBytes } from '../base/canonical.ts';
import { invariant, TsbuildError } from '../base/errors.ts';
import { chrootCapabilities } from './capabilities.ts';
import { planLimits } from './limits.ts';
import type { Operation, Place } from './operation.ts';
import { planCommand } from './plan-command.ts';
import { deviceLinks, devices, systemFiles } from './plan-mounts.ts';
import type { StepMount, StepSpec } from './step.ts';

const inRoot = (path: string): Place => ({ in: 'root', path });
const inDev = (path: string): Place => ({ in: 'dev', path });

/**
 * The operations of a step without namespaces. Up to `supervise` its supervisor carries them out, from there on its child.
 * @throws TsbuildError `ISOLATION_UNABLE` for what only namespaces can do; `ULIMIT_UNKNOWN`, `ULIMIT_INVALID`
 */
export function planChrootStep(spec: StepSpec): Operation[] {
  refuseImpossible(spec);
  const [root] = spec.root.lowers;
  invariant(root?.kind === 'tree', 'a step without mounts has a tree of its own');
  const { uid, gid } = spec.user;
  return [
    { operation: 'clone', namespaces: [], cgroupFiles: spec.cgroups.files, networkPrograms: [], networkReusable: false },
    { operation: 'open tree', as: 'root', path: root.path },
    ...planTrees(spec),
    { operation: 'open aside', path: join(dirname(root.path), 'aside') },
    ...planPlaces(spec),
    { operation: 'supervise' },
    { operation: 'connect output', input: inDev('null'), uid, gid },
    { operation: 'confine to root', to: 'root' },
    { operation: 'change root', to: 'root' },
    { operation: 'change directory', path: spec.cwd },
    { operation: 'join session keyring' },
    ...planLimits(spec.ulimits),
    { operation: 'set file mode mask', mask: 0o022 },
    ...planPrivileges(spec),
    planCommand(spec),
  ];
}

function refuseImpossible(spec: StepSpec): void {
  if (spec.network !== 'host') throw unable('RUN --network=none', 'the step would share the network of this container', 'Leave it out, or build where user namespaces can be made.');
  if (spec.security !== 'sandbox') throw unable('RUN --security=insecure', 'this process has no more rights than the step', 'Build where namespaces can be made.');
  const sized = spec.mounts.find((mount) => mount.kind === 'tmpfs' && mount.sizeBytes !== undefined);
  if (sized !== undefined) throw unable(`RUN --mount=type=tmpfs,target=${sized.target},size=…`, 'no file system can be mounted, and a directory has no limit', 'Leave size out.');
  const paths = spec.mounts.flatMap((mount) => (mount.kind === 'path' ? [mount] : []));
  const twice = paths.find(({ path, target }) => paths.some((other) => other.path === path && other.target !== target));
  if (twice !== undefined) throw unable(`RUN --mount=type=cache,target=${twice.target}`, 'one cache cannot be at two places at once', 'Give one of the mounts another id.');
}

/** The error for what this isolation cannot give. */
function unable(what: string, why: string, hint: string): TsbuildError {
  return new TsbuildError('machine', 'ISOLATION_UNABLE', `${what}: not possible with --isolation=chroot: ${why}`, { hint: `${hint} "tsbuild doctor" says what is missing.` });
}

/** By target, as with mounts: what is placed never hides what is placed below it. */
function sortedMounts(spec: StepSpec): StepMount[] {
  return [...spec.mounts].sort((a, b) => compareBytes(a.target, b.target));
}

function planTrees(spec: StepSpec): Operation[] {
  return sortedMounts(spec).flatMap((mount, index): Operation[] => {
    if (mount.kind === 'path' && mount.source !== undefined) return [{ operation: 'open tree', as: `tree${index}`, path: mount.path }];
    const [tree] = mount.kind === 'bind' ? mount.view.lowers : [];
    return tree === undefined ? [] : [{ operation: 'open tree', as: `tree${index}`, path: tree.path }];
  });
}

function planPlaces(spec: StepSpec): Operation[] {
  const hidden = (path: string): Operation => ({ operation: 'place directory', at: inRoot(path), mode: 0o555, modeOfTarget: false, as: null });
  return [
    hidden('/proc'),
    hidden('/sys'),
    { operation: 'place directory', at: inRoot('/dev'), mode: 0o755, modeOfTarget: false, as: 'dev' },
    ...devices.map(({ name, major, minor }): Operation => ({ operation: 'make device', at: inDev(name), mode: 0o666, major, minor })),
    ...[['pts', 0o755], ['mqueue', 0o1777], ['shm', 0o1777]].map(([name, mode]): Operation => ({ operation: 'make directory', at: inDev(String(name)), mode: Number(mode) })),
    ...deviceLinks.map(([name, target]): Operation => ({ operation: 'make link', at: inDev(name), target })),
    ...systemFiles(spec).map(({ target, content, mode, uid, gid }): Operation => ({ operation: 'place file', at: inRoot(target), content, mode, uid, gid })),
    ...sortedMounts(spec).map(planMount),
  ];
}

function planMount(mount: StepMount, index: number): Operation {
  const at = inRoot(mount.target);
  switch (mount.kind) {
    case 'bind':
      return { operation: 'place copy', from: { in: `tree${index}`, path: mount.source }, at };
    case 'path':
      return { operation: 'lend', from: mount.source === undefined ? { in: 'host', path: mount.path } : { in: `tree${index}`, path: mount.source }, at };
    case 'tmpfs':
      return { operation: 'place directory', at, mode: mount.mode ?? 0o1777, modeOfTarget: mount.mode === undefined, as: null };
    case 'secret': {
      const { content, uid, gid, mode } = mount;
      return { operation: 'place file', at, content, uid, gid, mode };
    }
  }
}

/** no_new_privs is on already, so that the filter needs no privilege. */
function planPrivileges({ seccomp, user, userNamespace }: StepSpec): Operation[] {
  const keep = chrootCapabilities;
  const { uid, gid, groups } = user;
  return [
    { operation: 'drop bounding capabilities', keep },
    ...(seccomp === null ? [] : [{ operation: 'install seccomp filter', program: seccomp } as const]),
    { operation: 'become user', uid, gid, groups: userNamespace?.setsGroups === false ? null : groups },
    { operation: 'set capabilities', keep },
  ];
}
