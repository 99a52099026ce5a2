import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileSeccomp } from '../../src/sandbox/seccomp.ts';
import { filterArchitectures, seccompProfile } from '../../src/sandbox/seccomp-profile.ts';
import type { SeccompArchitecture, SeccompProfile } from '../../src/sandbox/seccomp-profile.ts';
import { stepFilter } from '../../src/sandbox/step-filter.ts';
import { syscallNumbers } from '../../src/sandbox/syscall-numbers.ts';
import type { SyscallTable } from '../../src/sandbox/syscall-numbers.ts';
import { repository } from '../support/tsbuild.ts';
import { runBpf } from './run-bpf.ts';

const ALLOW = 0x7fff0000;
const EPERM = 0x00050001;
const ENOSYS = 0x00050026;
const KILL = 0x80000000;
const architectures: readonly SeccompArchitecture[] = ['x64', 'arm64'];
/** Docker's fourteen. */
const dockerCapabilities = new Set(
  ['CHOWN', 'DAC_OVERRIDE', 'FSETID', 'FOWNER', 'MKNOD', 'NET_RAW', 'SETGID', 'SETUID', 'SETFCAP', 'SETPCAP']
    .concat(['NET_BIND_SERVICE', 'SYS_CHROOT', 'KILL', 'AUDIT_WRITE'])
    .map((name) => `CAP_${name}`),
);
const everyCapability = new Set(
  ['BPF', 'DAC_READ_SEARCH', 'PERFMON', 'SYSLOG', 'SYS_ADMIN', 'SYS_BOOT', 'SYS_CHROOT', 'SYS_MODULE', 'SYS_NICE']
    .concat(['SYS_PACCT', 'SYS_PTRACE', 'SYS_RAWIO', 'SYS_TIME', 'SYS_TTY_CONFIG'])
    .map((name) => `CAP_${name}`),
);

function auditArchOf(table: SyscallTable): number {
  const found = architectures.flatMap((name) => filterArchitectures[name]).find((entry) => entry.table === table);
  assert.ok(found);
  return found.auditArch;
}

interface Call {
  readonly table?: SyscallTable;
  readonly args?: readonly bigint[];
  readonly capabilities?: ReadonlySet<string>;
}

function outcomeOf(name: string, { table = 'x64', args = [], capabilities = dockerCapabilities }: Call = {}): number {
  const architecture = table === 'arm64' || table === 'arm' ? 'arm64' : 'x64';
  const number = syscallNumbers(table).get(name);
  assert.ok(number !== undefined, `${name} has no number on ${table}`);
  return runBpf(compileSeccomp({ architecture, capabilities }), { auditArch: auditArchOf(table), number, args });
}

/** What the profile data say about a call with arguments of zero. */
function expectedOutcome(name: string | undefined, number: number, newest: number, profile: SeccompProfile): number {
  if (name === undefined) return number < newest ? EPERM : ENOSYS;
  if (profile.allowed.has(name) || profile.byArgument.has(name)) return ALLOW;
  if (profile.missing.has(name)) return ENOSYS;
  return number < newest ? EPERM : ENOSYS;
}

for (const architecture of architectures) {
  for (const [title, capabilities] of [['Docker’s', dockerCapabilities], ['no', new Set<string>()], ['every', everyCapability]] as const) {
    test(`compileSeccomp decides every number on ${architecture} as the profile says, with ${title} capabilities`, () => {
      const program = compileSeccomp({ architecture, capabilities });
      const profile = seccompProfile(architecture, capabilities);
      for (const { auditArch, table } of filterArchitectures[architecture]) {
        const byNumber = new Map([...syscallNumbers(table)].map(([name, number]) => [number, name]));
        const known = [...byNumber].filter(([, name]) => profile.allowed.has(name) || profile.byArgument.has(name) || profile.missing.has(name));
        const newest = Math.max(...known.map(([number]) => number).filter((number) => number < 0xf0000));
        const numbers = [...Array(1024).keys(), ...byNumber.keys(), 0xf0000, 0xf0007, 0x40000000, 0x40000027, 0x7fffffff, 0xffffffff];
        for (const number of numbers) {
          const name = byNumber.get(number);
          const outcome = runBpf(program, { auditArch, number });
          assert.equal(outcome, expectedOutcome(name, number, newest, profile), `${table} ${number} ${name ?? '(unknown)'}`);
        }
      }
    });
  }
}

test('compileSeccomp keeps every other architecture from doing anything', () => {
  const program = compileSeccomp({ architecture: 'x64', capabilities: dockerCapabilities });
  assert.equal(runBpf(program, { auditArch: 0xc00000b7, number: 0 }), KILL);
  assert.equal(runBpf(program, { auditArch: 0, number: 39 }), KILL);
});

const facts: readonly (readonly [outcome: number, names: string])[] = [
  [ALLOW, 'read write openat execve fork vfork chroot mknodat ptrace socketpair getrandom seccomp landlock_restrict_self statx'],
  [EPERM, 'mount umount2 unshare setns pivot_root keyctl add_key request_key bpf perf_event_open userfaultfd reboot swapon'],
  [EPERM, 'io_uring_setup io_uring_enter open_by_handle_at init_module finit_module delete_module kexec_load syslog acct'],
  [EPERM, 'move_mount open_tree fsopen fsmount mount_setattr sethostname clock_settime settimeofday quotactl pidfd_getfd'],
  [EPERM, 'fanotify_init move_pages mbind set_mempolicy kcmp process_madvise'],
  [ENOSYS, 'clone3 open_tree_attr file_getattr'],
];
for (const [outcome, names] of facts) {
  for (const name of names.split(' ')) {
    test(`a step's ${name} gives ${outcome === ALLOW ? 'its result' : outcome === EPERM ? 'EPERM' : 'ENOSYS'}`, () => {
      for (const table of ['x64', 'x86', 'arm64', 'arm'] as const) {
        if (syscallNumbers(table).has(name)) assert.equal(outcomeOf(name, { table }), outcome, table);
      }
    });
  }
}

test('clone may make threads and forks but no namespace', () => {
  for (const table of ['x64', 'x86', 'arm64', 'arm'] as const) {
    assert.equal(outcomeOf('clone', { table, args: [17n] }), ALLOW);
    assert.equal(outcomeOf('clone', { table, args: [0x3d0f00n] }), ALLOW, 'pthread_create');
    for (const flag of [0x20000n, 0x2000000n, 0x4000000n, 0x8000000n, 0x10000000n, 0x20000000n, 0x40000000n]) {
      assert.equal(outcomeOf('clone', { table, args: [flag | 17n] }), EPERM, `${table} ${flag.toString(16)}`);
    }
  }
});

test('socket refuses AF_ALG, AF_VSOCK and families nobody uses', () => {
  const refused = [12, 19, 20, 23, 25, 34, 37, 38, 40, 46, 47, 255].map(BigInt);
  for (let family = 0n; family <= 60n; family++) {
    const expected = refused.includes(family) || family > 45n ? EPERM : ALLOW;
    assert.equal(outcomeOf('socket', { args: [family] }), expected, String(family));
    assert.equal(outcomeOf('socket', { table: 'arm64', args: [family] }), expected, String(family));
  }
  assert.equal(outcomeOf('socket', { args: [0x1_0000_0002n] }), EPERM, 'the upper half counts');
});

test('personality may ask and choose plain or 32-bit Linux, with or without UNAME26', () => {
  for (const value of [0n, 8n, 0x20000n, 0x20008n, 0xffffffffn]) assert.equal(outcomeOf('personality', { args: [value] }), ALLOW);
  for (const value of [1n, 9n, 0x40000n, 0x1ffffn, 0x20001n, 0xfffffffen, 0xffff_ffff_ffff_ffffn]) {
    assert.equal(outcomeOf('personality', { args: [value] }), EPERM, value.toString(16));
  }
});

test('a capability opens the calls that need it', () => {
  const cases = [['CAP_SYS_CHROOT', 'chroot'], ['CAP_SYS_ADMIN', 'mount'], ['CAP_SYS_ADMIN', 'clone3'], ['CAP_SYS_TIME', 'clock_settime']];
  for (const [capability = '', name = ''] of cases) {
    assert.equal(outcomeOf(name, { capabilities: new Set([capability]) }), ALLOW);
    assert.notEqual(outcomeOf(name, { capabilities: new Set() }), ALLOW);
  }
  assert.equal(outcomeOf('clone', { capabilities: new Set(['CAP_SYS_ADMIN']), args: [0x10000000n] }), ALLOW);
});

test('every name of the profile has a number somewhere', () => {
  const tables: readonly SyscallTable[] = ['x64', 'x86', 'arm64', 'arm'];
  const known = new Set(tables.flatMap((table) => [...syscallNumbers(table).keys()]));
  for (const architecture of architectures) {
    const profile = seccompProfile(architecture, everyCapability);
    assert.deepEqual([...profile.allowed].filter((name) => !known.has(name)), []);
  }
});

test('syscallNumbers ascend, and agree with the kernel headers of this machine', () => {
  for (const table of ['x64', 'x86', 'arm64', 'arm'] as const) {
    const numbers = [...syscallNumbers(table).values()];
    assert.deepEqual(numbers, [...new Set(numbers)].sort((a, b) => a - b));
  }
  for (const [table, file] of process.arch === 'x64' ? ([['x64', 'unistd_64.h'], ['x86', 'unistd_32.h']] as const) : []) {
    const header = readFileSync(`/usr/include/x86_64-linux-gnu/asm/${file}`, 'utf8');
    for (const [, name = '', number] of header.matchAll(/^#define __NR_(\w+) (\d+)$/gm)) {
      const ours = syscallNumbers(table).get(name);
      if (ours !== undefined || Number(number) < 450) assert.equal(ours, Number(number), `${table} ${name}`);
    }
  }
});

test('compileSeccomp gives the same bytes for ever', () => {
  const digest = (architecture: SeccompArchitecture): string =>
    createHash('sha256').update(compileSeccomp({ architecture, capabilities: dockerCapabilities })).digest('hex');
  // A change of the profile changes these on purpose; a change of the compiler should not.
  assert.deepEqual(architectures.map(digest), [
    '203b905745f265ced83147af61e3216240a8bee5cd8c63aa8cfd3c969d13b49c',
    '50b05c05c0676603af38895c5446d25fd330db0fe62cbd95988e5e186260ddef',
  ]);
});

test('a filter is far below the limit of the kernel and cheap to compile', () => {
  for (const architecture of architectures) {
    const program = compileSeccomp({ architecture, capabilities: dockerCapabilities });
    assert.equal(program.length % 8, 0);
    assert.ok(program.length / 8 < 1024, String(program.length / 8));
  }
});

test('the program holds the filter as it was compiled, and nothing that compiles', () => {
  const bundle = readFileSync(join(repository, 'dist/tsbuild.cjs'), 'utf8');
  for (const architecture of architectures) assert.ok(bundle.includes(Buffer.from(stepFilter(architecture)).toString('base64')), architecture);
  assert.ok(!bundle.includes('process_vm_readv'));
});
