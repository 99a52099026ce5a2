/** Says what the facts about a machine mean for builds: what works, what is missing, how to get it. Pure. Start at `judge`. */
import type { Isolation } from '../../native/isolation.ts';
import { canOverlay, missingForNamespaces } from '../../sandbox/probe.ts';
import type { Facts } from './facts.ts';

/** `ok`: as good as it gets; `limited`: a build works, but for what is said; `missing`: builds with RUN do not work. */
export type Verdict = 'ok' | 'limited' | 'missing';

/** One thing that was looked at. */
export interface Finding {
  /** Stable, for programs. */
  readonly id: string;
  readonly title: string;
  readonly verdict: Verdict;
  readonly text: string;
  /** How to get what is missing. */
  readonly hint?: string;
}

export interface DoctorReport {
  /** Whether a build with RUN can run. */
  readonly ok: boolean;
  /** What a build would use; null where nothing works. */
  readonly isolation: Isolation | null;
  readonly snapshots: 'overlay' | 'copy' | null;
  readonly network: 'own' | 'shared' | null;
  /** Promises of SECURITY.md that builds here do not keep. */
  readonly unkept: readonly string[];
  readonly findings: readonly Finding[];
}

/** The report about a machine. */
export function judge(facts: Facts): DoctorReport {
  const isolation = facts.step?.failure === null ? facts.step.isolation : null;
  const network = isolation === null ? null : isolation === 'namespaces' && facts.network.program !== null ? 'own' : 'shared';
  const snapshots = isolation === null ? null : isolation === 'namespaces' && canOverlay(facts.namespaces.tries) ? 'overlay' : 'copy';
  const findings = [
    judgeStep(facts), judgeNamespaces(facts), judgeIds(facts), judgeOverlay(facts), judgeStore(facts), judgeReflink(facts), judgeGroups(facts), judgeNetwork(facts),
    ...judgeVersions(facts), ...judgePrograms(facts),
  ];
  const ok = isolation !== null && !findings.some(({ verdict }) => verdict === 'missing');
  return { ok, isolation, snapshots, network, unkept: unkeptPromises(facts, isolation, network), findings };
}

function judgeStep({ step }: Facts): Finding {
  const base = { id: 'run', title: 'RUN' };
  if (step === null) return { ...base, verdict: 'missing', text: 'no isolation works here', hint: 'Build as root, or where user namespaces can be made.' };
  if (step.failure !== null) return { ...base, verdict: 'missing', text: `a step cannot be set up: ${step.failure}` };
  if (step.isolation === 'chroot') return { ...base, verdict: 'limited', text: 'isolated by chroot alone: namespaces cannot be used' };
  return { ...base, verdict: 'ok', text: 'a sandbox of namespaces, capabilities and a system call filter was set up' };
}

const namespaceHint = 'In a container: its seccomp profile and capabilities. Else: sysctl';

function judgeNamespaces({ namespaces, settings, user }: Facts): Finding {
  const base = { id: 'namespaces', title: 'Namespaces' };
  const missing = missingForNamespaces(namespaces.tries);
  if (namespaces.failure === null && missing === null) return { ...base, verdict: 'ok', text: 'made, with mounts of their own' };
  const text = namespaces.failure ?? `${missing?.name ?? ''}: ${missing?.failure ?? ''}`;
  const shown = Object.entries(settings).map(([name, value]) => `${name}=${value}`).join(', ');
  return { ...base, verdict: user.uid === 0 ? 'limited' : 'missing', text: `not to be had: ${text}`, hint: shown === '' ? `${namespaceHint} user.max_user_namespaces.` : `${namespaceHint} ${shown}.` };
}

function judgeIds({ ids, user, step }: Facts): Finding {
  const base = { id: 'ids', title: 'User ids' };
  if (ids.kind === 'machine' || step?.isolation === 'chroot') return { ...base, verdict: 'ok', text: "this process's own" };
  if (ids.kind === 'single') {
    const program = ids.hasPrograms ? '' : 'Install newuidmap (Debian: apt-get install uidmap) and, as root';
    const command = `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${user.name}`;
    return { ...base, verdict: 'limited', text: 'only one, 0: images and steps with files of other owners fail', hint: program === '' ? `As root: ${command}` : `${program}: ${command}` };
  }
  return { ...base, verdict: ids.count >= 65_536 ? 'ok' : 'limited', text: `${ids.count}, ${ids.kind === 'range' ? 'with subordinate ids' : 'those of the user namespace that tsbuild is in'}` };
}

function judgeOverlay({ namespaces, step, store }: Facts): Finding {
  const base = { id: 'overlay', title: 'Overlayfs' };
  const tried = namespaces.tries.find(({ name }) => name === 'overlay');
  if (tried?.failure === null && step?.isolation === 'namespaces') return { ...base, verdict: 'ok', text: `stacks layers on ${store.fileSystem}` };
  const why = tried === undefined ? 'it could not be tried' : tried.failure ?? 'no namespaces to mount it in';
  const finding = { ...base, verdict: 'limited', text: `not used (${why}): each step works on a copy of the whole tree` } as const;
  return tried === undefined || tried.failure === null ? finding : { ...finding, hint: 'Put the store on ext4, xfs, btrfs or tmpfs, with --store or $TSBUILD_ROOT.' };
}

const lowBytes = 1 << 30;

function judgeStore({ store }: Facts): Finding {
  const base = { id: 'store', title: 'Store' };
  const place = store.triedIn === store.path ? store.path : `${store.path} (to be made in ${store.triedIn})`;
  if (store.failure !== null) return { ...base, verdict: 'missing', text: `${place}: ${store.failure}`, hint: 'Choose a place that you can write to, with --store or $TSBUILD_ROOT.' };
  const free = `${(store.freeBytes / 2 ** 30).toFixed(1)} GiB free`;
  const text = `${place}: ${store.fileSystem}, ${free}`;
  return store.freeBytes < lowBytes ? { ...base, verdict: 'limited', text, hint: 'Free space, for instance with "tsbuild prune".' } : { ...base, verdict: 'ok', text };
}

function judgeReflink({ store }: Facts): Finding {
  return { id: 'reflink', title: 'Shared blocks', verdict: 'ok', text: store.sharesBlocks ? 'copies of files share their blocks' : `not on ${store.fileSystem}: copies take room and time` };
}

function judgeGroups({ cgroups }: Facts): Finding {
  const base = { id: 'cgroups', title: 'Control groups' };
  const version = cgroups.version === null ? 'none' : `version ${cgroups.version}`;
  if (cgroups.missing === null && cgroups.version !== null) return { ...base, verdict: 'ok', text: `${version}, a group was made` };
  return { ...base, verdict: 'limited', text: `${version}: ${cgroups.missing ?? 'limits of RUN cannot be had'}`, hint: 'Run tsbuild as root, or under systemd-run --user --scope -p Delegate=yes.' };
}

function judgeNetwork({ network, step }: Facts): Finding {
  const base = { id: 'network', title: 'Network of RUN' };
  if (step?.isolation === 'chroot') return { ...base, verdict: 'limited', text: 'shared: there are no network namespaces' };
  if (network.program !== null) return { ...base, verdict: 'ok', text: `its own, by ${network.program}` };
  return { ...base, verdict: 'limited', text: `shared: ${network.reason}`, hint: network.install };
}

function judgeVersions({ kernel, architecture, node, label, terminal, interpreters }: Facts): readonly Finding[] {
  const fact = (id: string, title: string, text: string): Finding => ({ id, title, verdict: 'ok', text });
  const columns = terminal.columns === null ? '' : `, ${terminal.columns} columns`;
  return [
    fact('kernel', 'Kernel', `${kernel}, ${architecture}`),
    fact('node', 'Node.js', node),
    fact('label', 'Security label', label ?? 'none'),
    fact('terminal', 'Terminal', terminal.isTerminal ? `yes${columns}` : 'no: progress is plain'),
    interpreters.length > 0 ? fact('binfmt', 'Other processors', interpreters.join(', '))
      : { ...fact('binfmt', 'Other processors', 'none: RUN for other platforms does not work'), verdict: 'limited', hint: 'Debian: apt-get install qemu-user-static binfmt-support.' },
  ];
}

function judgePrograms({ git, ssh }: Facts): readonly Finding[] {
  const program = (id: string, found: string | null, what: string): Finding =>
    found === null ? { id, title: id, verdict: 'limited', text: `not found: ${what}`, hint: `Install ${id === 'ssh' ? 'an ssh client' : id}.` } : { id, title: id, verdict: 'ok', text: found };
  return [program('git', git, 'contexts and ADD of repositories do not work'), program('ssh', ssh, 'repositories by ssh do not work')];
}

/** In the order of SECURITY.md. */
function unkeptPromises({ cgroups }: Facts, isolation: Isolation | null, network: DoctorReport['network']): readonly string[] {
  const groups = cgroups.version === null || cgroups.missing !== null ? ['RUN has no limit of processes, unless this container has one'] : [];
  const shared = ["services on this machine's loopback can be reached by RUN"];
  if (isolation === 'namespaces') return [...(network === 'shared' ? shared : []), ...groups];
  if (isolation === null) return [];
  return [
    'a RUN has no network, IPC, host name and processes of its own: it shares those of this machine or container',
    ...shared,
    'there are no /proc and /sys in a RUN; read-only mounts and generated files can be written to until the step is over',
    'a secret is a file on the disk while its step runs',
    'the kernel does not end the processes of a RUN: tsbuild does, unless it is itself killed with SIGKILL, all of it at once',
    'files with several names in the layers below are several files in a RUN',
    ...groups,
  ];
}
