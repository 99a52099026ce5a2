/**
 * Compiles the seccomp policy of a RUN step (`seccomp-profile.ts`) to the kernel's classic BPF.
 * It does not decide what is allowed and does not install the filter (`addon/sandbox/privileges.cc` does).
 * Start at `compileSeccomp`.
 *
 * A filter is a decision over numbers: first the architecture, then a binary search over ranges of system call numbers
 * with the same outcome, then, for three calls, one over an argument's values. About nine comparisons a call, and the
 * kernel (5.11+) remembers the calls that are always allowed and skips the filter for them.
 */
import { invariant } from '../base/errors.ts';
import { filterArchitectures, seccompProfile } from './seccomp-profile.ts';
import type { ArgumentRule, FilterArchitecture, SeccompArchitecture, SeccompProfile } from './seccomp-profile.ts';
import { syscallNumbers } from './syscall-numbers.ts';

/** What a filter is compiled for. */
export interface SeccompOptions {
  readonly architecture: SeccompArchitecture;
  /** The step's bounding set, as `CAP_SYS_CHROOT` …; a capability opens the system calls that need it. */
  readonly capabilities: ReadonlySet<string>;
  /** The step has no pid namespace of its own. */
  readonly sharesProcesses?: boolean;
}

/** One `struct sock_filter` (linux/filter.h): `jt` and `jf` are how many instructions to skip. */
interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** Straight-line or branching code that never falls through its end. */
type Code = readonly Instruction[];

/** From this value on, up to the next step's, this code decides. */
interface Step {
  readonly from: number;
  readonly code: Code;
}

/** For these values, both ends included, this code decides. */
interface Interval {
  readonly first: number;
  readonly last: number;
  readonly code: Code;
}

/** BPF_MAXINSNS of the kernel. */
const instructionCountMax = 4096;

/** Offsets in `struct seccomp_data`; both architectures are little-endian. */
const offsetOfNumber = 0;
const offsetOfArchitecture = 4;
const offsetOfArguments = 16;

const load = (offset: number): Instruction => ({ code: 0x20, jt: 0, jf: 0, k: offset }); // BPF_LD | BPF_W | BPF_ABS
const and = (mask: number): Instruction => ({ code: 0x54, jt: 0, jf: 0, k: mask }); // BPF_ALU | BPF_AND | BPF_K
const jump = (count: number): Instruction => ({ code: 0x05, jt: 0, jf: 0, k: count }); // BPF_JMP | BPF_JA
const ifEqual = (k: number, jt: number, jf: number): Instruction => ({ code: 0x15, jt, jf, k }); // BPF_JEQ
const ifAtLeast = (k: number, jt: number, jf: number): Instruction => ({ code: 0x35, jt, jf, k }); // BPF_JGE
const ret = (k: number): Instruction => ({ code: 0x06, jt: 0, jf: 0, k }); // BPF_RET | BPF_K

const allowed: Code = [ret(0x7fff0000)]; // SECCOMP_RET_ALLOW
const refused: Code = [ret(0x00050001)]; // SECCOMP_RET_ERRNO, EPERM
const unknown: Code = [ret(0x00050026)]; // SECCOMP_RET_ERRNO, ENOSYS
const killed: Code = [ret(0x80000000)]; // SECCOMP_RET_KILL_PROCESS

/**
 * Compiles the filter: an array of `struct sock_filter` for `seccomp(SECCOMP_SET_MODE_FILTER)`.
 * The same options give the same bytes. Pure; takes 2 to 8 ms in a cold process.
 */
export function compileSeccomp(options: SeccompOptions): Uint8Array {
  const profile = seccompProfile(options.architecture, options.capabilities, options.sharesProcesses);
  const program = [load(offsetOfArchitecture)];
  for (const architecture of filterArchitectures[options.architecture]) {
    const section = compileArchitecture(architecture, profile);
    program.push(ifEqual(architecture.auditArch, 1, 0), jump(section.length), ...section);
  }
  program.push(...killed); // no other architecture can run on this machine
  invariant(program.length <= instructionCountMax, `the seccomp filter has ${program.length} instructions`);
  return assemble(program);
}

function compileArchitecture(architecture: FilterArchitecture, profile: SeccompProfile): Code {
  const calls: Interval[] = [];
  for (const [name, number] of syscallNumbers(architecture.table)) {
    const code = codeOfCall(name, profile);
    if (code !== undefined) calls.push({ first: number, last: number, code });
  }
  // What is newer than the profile does not exist for the step. Arm's private calls (from 0xf0000) lie above that.
  const newest = calls.findLast((call) => call.first < 0xf0000)?.first ?? 0;
  return [load(offsetOfNumber), ...search(fillGaps(calls, (from) => (from < newest ? refused : unknown)))];
}

function codeOfCall(name: string, profile: SeccompProfile): Code | undefined {
  if (profile.allowed.has(name)) return allowed;
  if (profile.missing.has(name)) return unknown;
  const rule = profile.byArgument.get(name);
  return rule === undefined ? undefined : compileArgument(rule);
}

function compileArgument(rule: ArgumentRule): Code {
  const offset = offsetOfArguments + 8 * rule.index;
  const values = rule.anyOf.map(([first, last]) => ({ first, last, code: allowed }));
  const decide = search(fillGaps(values, () => refused));
  if (rule.mask !== undefined) return [load(offset), and(rule.mask), ...decide];
  return [load(offset + 4), ifEqual(0, 1, 0), ...refused, load(offset), ...decide];
}

/** Turns ascending intervals into steps over all 32-bit values. Neighbours with the same code become one step. */
function fillGaps(intervals: readonly Interval[], gap: (from: number) => Code): Step[] {
  const steps: Step[] = [];
  const append = (from: number, code: Code): void => {
    if (steps.at(-1)?.code !== code) steps.push({ from, code });
  };
  let next = 0;
  for (const { first, last, code } of intervals) {
    if (first > next) append(next, gap(next));
    append(first, code);
    next = last + 1;
  }
  if (next <= 0xffffffff) append(next, gap(next));
  return steps;
}

/** Binary search for the step of the accumulator's value. Jumps over more than 255 instructions take a long jump. */
function search(steps: readonly Step[]): Code {
  const half = steps.length >> 1;
  const middle = steps[half];
  if (half === 0 || middle === undefined) return steps[0]?.code ?? refused;
  const below = search(steps.slice(0, half));
  const above = search(steps.slice(half));
  if (below.length <= 255) return [ifAtLeast(middle.from, below.length, 0)].concat(below, above);
  return [ifAtLeast(middle.from, 0, 1), jump(below.length)].concat(below, above);
}

function assemble(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, jt, jf, k }, index) => {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, jt);
    view.setUint8(index * 8 + 3, jf);
    view.setUint32(index * 8 + 4, k, true);
  });
  return bytes;
}
