/** The built command line as a child process, in an environment that holds nothing of the user's. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseRawLines, type RawOutcome } from './raw-events.ts';
import { runProcess, type Finished } from './run-process.ts';

/** The top of the repository. */
export const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** The program under test. */
export const program = join(repository, 'dist/tsbuild.cjs');

/** Where and how to run it. */
export interface CallOptions {
  /** TSBUILD_ROOT. */
  readonly store: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
}

/** The environment of a call: no configuration of the user's, no proxy, no locale. */
export function callEnvironment({ store, env }: CallOptions): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: store, TSBUILD_ROOT: store, ...env };
}

/** Runs `tsbuild ARGS` to its end; any exit code is a result. */
export async function runTsbuild(args: readonly string[], options: CallOptions): Promise<Finished> {
  return await runProcess(process.execPath, [program, ...args], { ...processOptions(options), ...(options.input === undefined ? {} : { input: options.input }) });
}

function processOptions(options: CallOptions): { readonly cwd: string; readonly env: Record<string, string> } {
  return { cwd: options.cwd ?? '/', env: callEnvironment(options) };
}

/** Starts `tsbuild ARGS` for a test that interrupts it; it must wait for `close`. */
export function startTsbuild(args: readonly string[], options: CallOptions, stdin: 'ignore' | 'pipe' = 'ignore'): ChildProcess {
  return spawn(process.execPath, [program, ...args], { ...processOptions(options), stdio: [stdin, 'pipe', 'pipe'] });
}

/** Builds with `--progress=rawjson` and returns what it told, also of a build that fails. */
export async function buildRaw(args: readonly string[], options: CallOptions): Promise<RawOutcome> {
  const finished = await runTsbuild(['build', '--progress=rawjson', ...args], options);
  return { ...parseRawLines(finished.stderr), exitCode: finished.exitCode, stdout: finished.stdout };
}

/** Builds, and must succeed. */
export async function mustBuild(args: readonly string[], options: CallOptions): Promise<RawOutcome> {
  const outcome = await buildRaw(args, options);
  assert.equal(outcome.exitCode, 0, `tsbuild build ${args.join(' ')}\n${outcome.text.slice(-6000)}`);
  return outcome;
}
