/**
 * Plans a RUN step: what the builder asks for becomes the list of operations that the sandbox process carries out.
 * Every decision about a sandbox is made here and in `plan-mounts.ts` and `limits.ts`; nothing is done here, so a plan
 * can be read, compared and tested without root. Start at `planStep`.
 */
import { invariant } from '../base/errors.ts';
import { defaultCapabilities } from './capabilities.ts';
import { planLimits } from './limits.ts';
import type { CapabilitySet, Namespace, Operation } from './operation.ts';
import { hostId, type IdRange } from '../native/user-namespace.ts';
import { planChrootStep } from './plan-chroot.ts';
import { planCommand } from './plan-command.ts';
import { layerAttributes, planPrivate, planRootMounts } from './plan-mounts.ts';
import type { StepSpec } from './step.ts';

/**
 * The operations of a step, in the order in which they happen: namespaces, mounts, root, process, and last the
 * privileges, each of which is given up as soon as no later operation needs it.
 * @throws TsbuildError `ULIMIT_UNKNOWN`, `ULIMIT_INVALID`, `NUL_CHARACTER`, `ISOLATION_UNABLE`
 */
export function planStep(spec: StepSpec): Operation[] {
  invariant(spec.argv.length > 0, 'a step has a command');
  if (spec.isolation === 'chroot') return planChrootStep(spec);
  return [...planNamespaces(spec), ...planFileSystem(spec), ...planProcess(spec), ...planPrivileges(spec), planCommand(spec)];
}

function planNamespaces(spec: StepSpec): Operation[] {
  const namespaces: Namespace[] = ['mount', 'pid', 'ipc', 'uts', 'time'];
  const ownNetwork = spec.network === 'none';
  const networkPrograms = spec.network === 'isolated' ? (spec.networkPrograms ?? []) : [];
  invariant(spec.network !== 'isolated' || networkPrograms.length > 0, 'an isolated network needs a program');
  return [
    { operation: 'clone', namespaces: ownNetwork ? [...namespaces, 'network'] : namespaces, cgroupFiles: spec.cgroups.files, networkPrograms, networkReusable: spec.security === 'sandbox' },
    { operation: 'set host name', name: spec.hostname },
    ...(ownNetwork ? [{ operation: 'bring loopback up' } as const] : []),
    ...planUserNamespace(spec),
  ];
}

/** Before any mount, whose files are then those of its root. */
function planUserNamespace({ stepIds }: StepSpec): Operation[] {
  if (stepIds === null) return [];
  const text = (ranges: readonly IdRange[]): string => ranges.map(({ inside, outside, count }) => `${inside} ${outside} ${count}\n`).join('');
  const root = { uid: hostId(stepIds, 'uids', 0), gid: hostId(stepIds, 'gids', 0) };
  return [{ operation: 'make user namespace', uidMap: text(stepIds.uids), gidMap: text(stepIds.gids), root }];
}

/** All that is mounted aside comes before the root, which then lies on top. */
function planFileSystem(spec: StepSpec): Operation[] {
  return [
    ...planPrivate(spec),
    { operation: 'mount view', as: 'root', view: spec.root, userxattr: spec.userNamespace !== null, attributes: layerAttributes(spec, spec.security === 'sandbox' ? ['nodev'] : []) },
    ...planRootMounts(spec),
    { operation: 'pivot root', to: 'root' },
    { operation: 'change directory', path: spec.cwd },
  ];
}

function planProcess(spec: StepSpec): Operation[] {
  return [
    { operation: 'join session keyring' },
    ...planLimits(spec.ulimits),
    { operation: 'set file mode mask', mask: 0o022 },
  ];
}

/** The filter is installed with CAP_SYS_ADMIN still there, so that no_new_privs stays off and sudo works. */
function planPrivileges(spec: StepSpec): Operation[] {
  const secure = spec.security === 'sandbox';
  const keep: CapabilitySet = secure ? Object.values(defaultCapabilities) : 'all';
  const { uid, gid, groups } = spec.user;
  return [
    ...(spec.landlockScope ? [{ operation: 'scope abstract sockets' } as const] : []),
    ...(spec.stepIds === null ? [] : [{ operation: 'enter user namespace' } as const]),
    { operation: 'drop bounding capabilities', keep },
    ...(secure && spec.seccomp !== null ? [{ operation: 'install seccomp filter', program: spec.seccomp } as const] : []),
    { operation: 'become user', uid, gid, groups: spec.userNamespace?.setsGroups === false ? null : groups },
    { operation: 'set capabilities', keep },
  ];
}
