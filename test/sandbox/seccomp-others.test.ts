/**
 * Our filter beside the profile of Podman and Buildah, which is Docker's with calls added (Debian's containers-common). Every
 * call that one of them allows and the other refuses is listed here with the reason; one that is not listed fails.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { defaultCapabilityNames } from '../../src/sandbox/capabilities.ts';
import { compileSeccomp } from '../../src/sandbox/seccomp.ts';
import { filterArchitectures, type SeccompArchitecture } from '../../src/sandbox/seccomp-profile.ts';
import { syscallNumbers } from '../../src/sandbox/syscall-numbers.ts';
import { runBpf } from './run-bpf.ts';

const profilePath = '/usr/share/containers/seccomp.json';
const ALLOW = 0x7fff0000;
const ENOSYS = 0x00050026;

interface Condition {
  readonly index: number;
  readonly value: number;
  readonly op: string;
}
interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly args: readonly Condition[] | null;
  readonly includes: { readonly caps?: readonly string[]; readonly arches?: readonly string[] };
  readonly excludes: { readonly caps?: readonly string[]; readonly arches?: readonly string[] };
}

/** The architectures of the profile's rules, by ours. */
const theirNames: Readonly<Record<SeccompArchitecture, readonly string[]>> = { x64: ['amd64', 'x86', 'x32'], arm64: ['arm64', 'arm'] };

/** The rules for a container with Docker's fourteen capabilities. */
function rulesOf(architecture: SeccompArchitecture): readonly Rule[] {
  const isHere = (names: readonly string[]): boolean => names.some((name) => theirNames[architecture].includes(name));
  const isHeld = (name: string): boolean => defaultCapabilityNames.has(name);
  const { syscalls } = JSON.parse(readFileSync(profilePath, 'utf8')) as { readonly syscalls: readonly Rule[] };
  return syscalls.filter(({ includes, excludes }) =>
    (includes.caps ?? []).every(isHeld) && !(excludes.caps ?? []).some(isHeld)
    && (includes.arches === undefined || isHere(includes.arches)) && !isHere(excludes.arches ?? []));
}

function holds({ index, value, op }: Condition, args: readonly bigint[]): boolean {
  assert.ok(['SCMP_CMP_EQ', 'SCMP_CMP_NE'].includes(op), `a condition that this test does not know: ${op}`);
  return ((args[index] ?? 0n) === BigInt(value)) === (op === 'SCMP_CMP_EQ');
}

function theyAllow(rules: readonly Rule[], name: string, args: readonly bigint[]): boolean {
  return rules.some((rule) => rule.action === 'SCMP_ACT_ALLOW' && rule.names.includes(name) && (rule.args ?? []).every((condition) => holds(condition, args)));
}

/** Every call with arguments that one of the profiles looks at. */
function variants(name: string): readonly (readonly bigint[])[] {
  if (name === 'personality') return [0n, 1n, 8n, 9n, 0x20000n, 0x20008n, 0x40000n, 0x400000n, 0xffffffffn].map((value) => [value]);
  if (name === 'clone') return [17n, ...Array.from({ length: 24 }, (_, bit) => 1n << BigInt(bit + 8))].map((value) => [value]);
  if (name === 'socket') return Array.from({ length: 60 }, (_, family) => [0n, 9n].map((protocol) => [BigInt(family), 1n, protocol])).flat();
  return [[]];
}

/** `name` or `name(first argument)` → 'ours' or 'theirs', whichever allows it and is alone in that. */
function differences(architecture: SeccompArchitecture, rules = rulesOf(architecture)): Map<string, string> {
  const program = compileSeccomp({ architecture, capabilities: defaultCapabilityNames });
  const found = new Map<string, string>();
  for (const { auditArch, table } of filterArchitectures[architecture]) {
    for (const [name, number] of syscallNumbers(table)) {
      for (const args of variants(name)) {
        const weAllow = runBpf(program, { auditArch, number, args }) === ALLOW;
        if (weAllow === theyAllow(rules, name, args)) continue;
        found.set(args.length === 0 ? name : `${name}(0x${(args[0] ?? 0n).toString(16)})`, weAllow ? 'ours' : 'theirs');
      }
    }
  }
  return found;
}

/** Reason, who alone allows it, calls. */
const meant: readonly (readonly [reason: string, who: 'ours' | 'theirs', calls: string])[] = [
  ['Podman is made to run in its own containers: namespaces and mounts. Docker asks for CAP_SYS_ADMIN, and so do we', 'theirs',
    'clone3 fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_tree pivot_root setns umount umount2 unshare'],
  ['clone with a namespace flag: Docker and we refuse those (CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET)', 'theirs',
    'clone(0x20000) clone(0x2000000) clone(0x4000000) clone(0x8000000) clone(0x10000000) clone(0x20000000) clone(0x40000000)'],
  ['keys are not in namespaces: Docker refuses them', 'theirs', 'keyctl'],
  ['Docker asks for CAP_SYS_BOOT, CAP_SYSLOG, CAP_SYS_NICE and CAP_SYS_PTRACE', 'theirs', 'reboot syslog get_mempolicy mbind set_mempolicy pidfd_getfd'],
  ['old 32-bit calls that Docker does not list: no C library of this century makes them', 'theirs', 'readdir sigaction signal sigpending sigsuspend'],
  ['AF_DECnet, AF_KEY and others that nobody uses, AF_ALG (CVE-2026-31431), AF_VSOCK (reaches the hypervisor), and no such family', 'theirs',
    [12, 19, 20, 23, 25, 34, 37, 38, 40, ...Array.from({ length: 14 }, (_, i) => 46 + i)].map((family) => `socket(0x${family.toString(16)})`).join(' ')],
  ['in newer profiles of Docker than this Debian release has', 'ours',
    'cachestat fchmodat2 futex_requeue futex_wait futex_waitv futex_wake getxattrat io_pgetevents io_pgetevents_time64 listmount listxattrat map_shadow_stack mseal removexattrat setxattrat statmount uretprobe vmsplice'],
];

for (const architecture of ['x64', 'arm64'] as const) {
  test(`every difference to the profile of Podman on ${architecture} is meant`, () => {
    const listed = new Map(meant.flatMap(([, who, calls]) => calls.split(' ').map((call) => [call, who] as const)));
    const known = new Set(filterArchitectures[architecture].flatMap(({ table }) => [...syscallNumbers(table).keys()]));
    const expected = [...listed].filter(([call]) => known.has(call.replace(/\(.*/, '')));
    assert.deepEqual([...differences(architecture)].sort(), expected.sort());
  });
}

test('a difference that is not listed is found', () => {
  const rules = rulesOf('x64');
  assert.equal(differences('x64', rules.map((rule) => ({ ...rule, names: rule.names.filter((name) => name !== 'read') }))).get('read'), 'ours');
  assert.equal(differences('x64', [...rules, { names: ['bpf'], action: 'SCMP_ACT_ALLOW', args: null, includes: {}, excludes: {} }]).get('bpf'), 'theirs');
});

test('no number with the bit of x32 is a call', () => {
  const program = compileSeccomp({ architecture: 'x64', capabilities: defaultCapabilityNames });
  for (let number = 0; number < 1024; number += 1) {
    assert.equal(runBpf(program, { auditArch: 0xc000003e, number: 0x40000000 + number }), ENOSYS, String(number));
  }
});
