/**
 * Faults below libc: `npm run faults`, and with few of them a test. A command runs under strace, which makes the n-th call
 * of one kind fail in every thread and process; or its store lies on a disk that is full after so many bytes or files.
 * Afterwards its state is the old or the new one; it ended well or with an exit code from 1 to 5 and a message without a
 * stack; nothing is left; and the same command and a build on that store are right.
 *
 * A fault may hit Node itself, which aborts when it cannot wake its own threads, or the loader of a program. Then nobody
 * could say anything; the state is checked all the same, and such runs are counted by themselves.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openStages, type FaultStage, type StageName } from './fault-stages.ts';
import { mountsBelow, processesWith, unfinished, until } from './machine-state.ts';
import { mustRun, runProcess, type Finished } from './run-process.ts';
import { callEnvironment, program, runTsbuild, type CallOptions } from './tsbuild.ts';

/** A kind of call, how it fails, and up to which one of a thread. */
export interface FaultSeries {
  /** Default: a build. */
  readonly stage?: StageName;
  readonly calls: string;
  readonly error: string;
  /** Numbers of the failing call; those beyond the last that happens are no fault. */
  readonly when: readonly number[];
}

/** A disk that is full: options of a tmpfs. */
export interface DiskSeries {
  readonly stage?: StageName;
  /** `size` in KiB, or `nr_inodes`. */
  readonly limit: 'size' | 'nr_inodes';
  readonly values: readonly number[];
}

export interface FaultReport {
  /** Commands that ended well although something failed, failed with a message, died with Node, or met no fault. */
  readonly survived: number;
  readonly told: number;
  readonly died: number;
  readonly missed: number;
}

type OutcomeKind = keyof FaultReport;

interface FaultOutcome {
  readonly kind: OutcomeKind;
  readonly text: string;
}

const marker = `fault-${process.pid}`;
/** A command that takes longer hangs: all take some seconds under strace on a busy machine. */
const limitSeconds = 120;

/** @throws AssertionError that names the faults */
export async function injectFaults(folder: string, series: readonly (FaultSeries | DiskSeries)[], onFault: (line: string) => void): Promise<FaultReport> {
  const disk = join(folder, 'disk');
  mkdirSync(disk);
  const call: CallOptions = { store: join(disk, 'store') };
  const stages = await openStages(folder, marker, call.store);
  const report = { survived: 0, told: 0, died: 0, missed: 0 };
  const failures: unknown[] = [];
  for (const one of series) {
    const stage = stages[one.stage ?? 'build'];
    for (const number of 'calls' in one ? one.when : one.values) {
      const name = `${one.stage ?? 'build'} ${'calls' in one ? `${one.calls}:error=${one.error}:when=${number}` : `${one.limit}=${number}`}`;
      const outcome = await attempt(() => ('calls' in one ? injectCall(stage, call, folder, name) : onFullDisk(stage, call, disk, name)));
      onFault(`${name}: ${outcome.kind}${outcome.text}`);
      if (outcome.kind === 'wrong') failures.push(new Error(`fault ${name}`, { cause: outcome.cause }));
      else report[outcome.kind] += 1;
      if (outcome.kind === 'missed') break; // nothing calls it so often, or the disk is large enough
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} faults went wrong: ${failures.map(String).join('; ')}`);
  return report;
}

async function attempt(work: () => Promise<FaultOutcome>): Promise<FaultOutcome | { readonly kind: 'wrong'; readonly text: string; readonly cause: unknown }> {
  try {
    return await work();
  } catch (cause) {
    return { kind: 'wrong', text: ` ${String(cause).slice(0, 1500)}`, cause };
  }
}

async function injectCall(stage: FaultStage, call: CallOptions, folder: string, name: string): Promise<FaultOutcome> {
  const fault = name.slice(name.indexOf(' ') + 1);
  const calls = fault.slice(0, fault.indexOf(':'));
  const trace = join(folder, 'trace');
  await stage.reset();
  const options = ['-f', '--seccomp-bpf', '-qq', '-o', trace, '-e', `trace=${calls}`, '-e', `inject=${fault}`];
  const finished = await runLimited('strace', [...options, process.execPath, program, ...stage.args], call);
  const hits = readFileSync(trace, 'utf8').split('\n').filter((line) => line.includes('INJECTED'));
  rmSync(trace);
  const outcome = judge(finished, hits);
  await checkAfter(stage, call, finished);
  return outcome;
}

/** The disk is enlarged after the command: what it left must do. */
async function onFullDisk(stage: FaultStage, call: CallOptions, disk: string, name: string): Promise<FaultOutcome> {
  const [limit = '', value = ''] = name.slice(name.indexOf(' ') + 1).split('=');
  const option = `${limit}=${value}${limit === 'size' ? 'k' : ''}`;
  await mustRun('mount', ['-t', 'tmpfs', '-o', 'size=64m,mode=755', 'tsbuild-fault', disk]);
  try {
    await stage.reset();
    // What is there already may be more than the limit: then nothing can be added.
    const isLimited = (await runProcess('mount', ['-o', `remount,${option}`, disk])).exitCode === 0;
    const finished = await runLimited(process.execPath, [program, ...stage.args], call);
    await mustRun('mount', ['-o', 'remount,size=64m,nr_inodes=100000', disk]);
    const outcome = judge(finished, isLimited && finished.exitCode !== 0 ? ['ENOSPC'] : []);
    if (outcome.kind === 'told') assert.match(outcome.text, /no space left on device|ENOSPC/);
    await checkAfter(stage, call, finished);
    return outcome;
  } finally {
    await mustRun('umount', [disk]);
  }
}

async function runLimited(command: string, args: readonly string[], call: CallOptions): Promise<Finished> {
  const finished = await runProcess('timeout', ['--signal=KILL', '--foreground', String(limitSeconds), command, ...args], { cwd: '/', env: callEnvironment(call) });
  if (finished.signal === 'SIGKILL' || finished.exitCode === 137) {
    for (const id of processesWith(program).filter((one) => readEnvironment(one).includes(`TSBUILD_ROOT=${call.store}`))) process.kill(id, 'SIGKILL');
    assert.fail(`it hangs; it said: ${finished.stderr.slice(-1000)}`);
  }
  return finished;
}

function readEnvironment(id: number): string {
  try {
    return readFileSync(`/proc/${id}/environ`, 'utf8');
  } catch {
    return ''; // it has ended
  }
}

async function checkAfter(stage: FaultStage, call: CallOptions, finished: Finished): Promise<void> {
  await until('no process is left', () => processesWith(marker).length === 0);
  assert.deepEqual(mountsBelow(call.store), [], 'mounts');
  await stage.check(finished);
  const verified = await runTsbuild(['store', 'verify', '--json'], call);
  assert.equal(verified.exitCode, 0, `store verify: ${verified.stdout}`);
  assert.deepEqual(await unfinished(call.store), [], 'unfinished files');
}

/** What the build said, as far as anybody could say something. */
function judge({ exitCode, signal, stderr }: Finished, hits: readonly string[]): FaultOutcome {
  const [hit] = hits;
  if (hit === undefined) {
    assert.equal(exitCode, 0, stderr);
    return { kind: 'missed', text: '' };
  }
  if (exitCode === 0) return { kind: 'survived', text: '' };
  const said = /^ERROR: .*$/m.exec(stderr)?.[0];
  // Node's abort is SIGABRT, its own refusals to start are 1 to 13 without a word of ours; 127 is the loader's.
  const isNodes = signal !== null || exitCode === 127 || exitCode === 134 || said === undefined;
  if (isNodes) return { kind: 'died', text: ` (${signal ?? exitCode}) ${hit.slice(0, 120)}` };
  assert.ok(exitCode !== null && exitCode >= 1 && exitCode <= 5, `exit code ${exitCode} after ${hits.slice(0, 5).join('\n')}\n${stderr}`);
  assert.ok(said !== undefined && said.split(': ').length >= 3, `an error names operation, operand and cause: ${stderr}`);
  assert.doesNotMatch(stderr, /\n {4}at /, 'no stack');
  return { kind: 'told', text: ` (${exitCode}) ${said}` };
}
