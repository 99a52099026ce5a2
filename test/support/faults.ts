/**
 * Faults below libc: `npm run faults [EVERY]`, and with few of them a test. One build runs under strace, which makes the
 * n-th call of one kind fail in every thread and process. Afterwards the output is the old file, the whole new one or
 * absent; the build ended well or with an exit code from 1 to 5 and a message without a stack; nothing is left; and the
 * next build on that store is right.
 *
 * A fault may hit Node itself, which aborts when it cannot wake its own threads, or the loader of a program. Then nobody
 * could say anything; the state is checked all the same, and such runs are counted by themselves.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromLayout, writeContext } from './context.ts';
import { mountsBelow, processesWith, unfinished, until } from './machine-state.ts';
import { runProcess, type Finished } from './run-process.ts';
import { callEnvironment, mustBuild, program, runTsbuild, type CallOptions } from './tsbuild.ts';

/** A kind of call, how it fails, and up to which one of a thread. */
export interface FaultSeries {
  readonly calls: string;
  readonly error: string;
  /** Numbers of the failing call; those beyond the last that happens are no fault. */
  readonly when: readonly number[];
}

export interface FaultReport {
  /** Builds that ended well although something failed, failed with a message, died with Node, or met no fault. */
  readonly survived: number;
  readonly told: number;
  readonly died: number;
  readonly missed: number;
}

const marker = `fault-${process.pid}`;
const oldOutput = 'an older image\n';

/** @throws AssertionError that names the fault */
export async function injectFaults(folder: string, series: readonly FaultSeries[], onFault: (line: string) => void): Promise<FaultReport> {
  const stage = await openStage(folder);
  const report = { survived: 0, told: 0, died: 0, missed: 0 };
  const failures: unknown[] = [];
  for (const { calls, error, when } of series) {
    for (const number of when) {
      const name = `${calls}:error=${error}:when=${number}`;
      try {
        const outcome = await stage.inject(name);
        report[outcome.kind] += 1;
        onFault(`${name}: ${outcome.kind}${outcome.text}`);
        if (outcome.kind === 'missed') break; // nothing calls it so often
      } catch (cause) {
        onFault(`${name}: WRONG ${String(cause).slice(0, 1500)}`);
        failures.push(new Error(`fault ${name}`, { cause }));
      }
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} faults went wrong: ${failures.map(String).join('; ')}`);
  return report;
}

interface FaultOutcome {
  readonly kind: keyof FaultReport;
  readonly text: string;
}

async function openStage(folder: string): Promise<{ inject(fault: string): Promise<FaultOutcome> }> {
  const call: CallOptions = { store: join(folder, 'store') };
  const dockerfile = `FROM busybox\nRUN --mount=type=cache,target=/c echo ${marker} > /made; echo ${marker} >> /c/log\nWORKDIR /w\nCOPY file /file\n`;
  const context = await writeContext(folder, { Dockerfile: dockerfile, file: 'of the context\n' });
  const output = join(folder, 'image.tar');
  const trace = join(folder, 'trace');
  const args = ['--network=none', ...await fromLayout('busybox'), '-t', 'app', '-o', `type=oci,dest=${output}`, context];
  await mustBuild(args, call);
  const golden = digestOf(output);
  return {
    inject: async (fault) => {
      await runProcess('rm', ['-rf', call.store]);
      writeFileSync(output, oldOutput);
      const calls = fault.slice(0, fault.indexOf(':'));
      const options = ['-f', '--seccomp-bpf', '-qq', '-o', trace, '-e', `trace=${calls}`, '-e', `inject=${fault}`];
      const finished = await runProcess('strace', [...options, process.execPath, program, 'build', '--progress=plain', ...args], { cwd: '/', env: callEnvironment(call) });
      const hits = readFileSync(trace, 'utf8').split('\n').filter((line) => line.includes('INJECTED'));
      rmSync(trace);
      const outcome = judge(finished, hits);
      await checkState({ call, output, golden }, finished);
      await mustBuild(args, call);
      assert.equal(digestOf(output), golden, 'the next build');
      const verified = await runTsbuild(['store', 'verify', '--json'], call);
      assert.equal(verified.exitCode, 0, `store verify: ${verified.stdout}`);
      assert.deepEqual(await unfinished(call.store), [], 'unfinished files');
      return outcome;
    },
  };
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

interface StageState {
  readonly call: CallOptions;
  readonly output: string;
  readonly golden: string;
}

async function checkState({ call, output, golden }: StageState, { exitCode, stderr }: Finished): Promise<void> {
  await until('no process is left', () => processesWith(marker).length === 0);
  assert.deepEqual(mountsBelow(call.store), [], 'mounts');
  const found = existsSync(output) ? digestOf(output) : 'absent';
  const isOld = existsSync(output) && readFileSync(output, 'utf8') === oldOutput;
  assert.ok(found === 'absent' || found === golden || isOld, `the output is neither old nor new: ${stderr}`);
  if (exitCode === 0) assert.equal(found, golden, 'a build that ended well wrote its output');
}

function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
