/**
 * Real steps on a real kernel for the tests of this folder: a base image of busybox, an upperdir for each step, and
 * the sandbox process. Needs root.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHelper, type Helper } from '../../src/native/helper.ts';
import type { LowerSpec } from '../../src/native/view.ts';
import { defaultCapabilityNames } from '../../src/sandbox/capabilities.ts';
import { runStep } from '../../src/sandbox/run-step.ts';
import { compileSeccomp } from '../../src/sandbox/seccomp.ts';
import type { StepResult, StepSpec } from '../../src/sandbox/step.ts';

/** For the options of a test: a reason to skip it, or false. */
export const skipUnlessRoot: string | false = process.getuid?.() === 0 ? false : 'needs root: makes namespaces and mounts';

const seccomp = compileSeccomp({ architecture: process.arch === 'arm64' ? 'arm64' : 'x64', capabilities: defaultCapabilityNames });

export interface Outcome {
  readonly result: StepResult;
  readonly stdout: string;
  readonly stderr: string;
  readonly warnings: readonly string[];
  /** The step's upperdir. */
  readonly upper: string;
}

export interface StepFixture {
  readonly helper: Helper;
  /** A directory of this fixture's own. */
  readonly directory: string;
  /** The busybox image. */
  readonly base: LowerSpec;
  /** A new directory with these entries, as a layer above or instead of the base. */
  layer(name: string, fill: (directory: string) => void): LowerSpec;
  /** A step's specification: `/bin/sh -c script` unless `argv` is given. */
  spec(script: string, changes?: Partial<StepSpec> & { readonly lowers?: readonly LowerSpec[] }): StepSpec;
  run(script: string, changes?: Partial<StepSpec> & { readonly lowers?: readonly LowerSpec[] }, signal?: AbortSignal): Promise<Outcome>;
  close(): Promise<void>;
}

export async function openStepFixture(options: Parameters<typeof startHelper>[0] = {}): Promise<StepFixture> {
  const directory = mkdtempSync(join(tmpdir(), 'tsbuild-step-'));
  const helper = await startHelper(options);
  let stepCount = 0;
  const layer: StepFixture['layer'] = (name, fill) => {
    const path = join(directory, name);
    mkdirSync(path);
    fill(path);
    return { kind: 'directory', path };
  };
  const base = layer('base', fillBase);
  const spec: StepFixture['spec'] = (script, { lowers = [base], ...changes } = {}) => {
    stepCount += 1;
    const upper = join(directory, `upper${stepCount}`);
    const work = join(directory, `work${stepCount}`);
    mkdirSync(upper);
    mkdirSync(work);
    return {
      root: { lowers, upper, work },
      argv: ['/bin/sh', '-c', script],
      env: [['PATH', '/usr/bin:/bin']],
      cwd: '/',
      user: { uid: 0, gid: 0, groups: [] },
      network: 'none',
      hostname: 'buildkitsandbox',
      hosts: '127.0.0.1 localhost\n',
      resolvConf: '# no network\n',
      mounts: [],
      userNamespace: helper.userNamespace,
      stepIds: null,
      security: 'sandbox',
      shmSizeBytes: 64 << 20,
      cgroups: { files: [], view: null },
      ulimits: [],
      seccomp,
      landlockScope: false,
      ...changes,
    };
  };
  const run: StepFixture['run'] = async (script, changes, signal) => {
    const step = spec(script, changes);
    const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    const warnings: string[] = [];
    const result = await runStep(helper, step, {
      onOutput: (stream, chunk) => void chunks[stream].push(chunk),
      onWarning: (line) => void warnings.push(line),
      ...(signal === undefined ? {} : { signal }),
    });
    const text = (stream: 'stdout' | 'stderr'): string => Buffer.concat(chunks[stream]).toString('utf8');
    return { result, stdout: text('stdout'), stderr: text('stderr'), warnings, upper: step.root.upper ?? '' };
  };
  const close = async (): Promise<void> => {
    await helper.close();
    rmSync(directory, { recursive: true, force: true });
  };
  return { helper, directory, base, layer, spec, run, close };
}

/** An image with busybox and the directories that every image has. */
function fillBase(directory: string): void {
  for (const name of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp']) mkdirSync(join(directory, name));
  fillBusybox(directory);
}

/** Only busybox and its links, in a `bin` that exists. */
export function fillBusybox(directory: string): void {
  copyFileSync('/bin/busybox', join(directory, 'bin/busybox'));
  const applets = execFileSync('/bin/busybox', ['--list'], { encoding: 'utf8' }).split('\n').filter((name) => name !== '' && name !== 'busybox');
  for (const applet of applets) symlinkSync('busybox', join(directory, 'bin', applet));
}

/** The processes of this machine whose command line contains the marker, but not this process. */
export function processesWith(marker: string): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    if (pid === process.pid) return false;
    return readOptional(`/proc/${pid}/cmdline`).includes(marker);
  });
}

/** The content of a file that may vanish at any moment, such as one of a process. */
function readOptional(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // the process has ended
  }
}

/** Waits until the condition holds; a test fails by its assertion if it never does. */
export async function eventually(condition: () => boolean, limitMs = 10_000): Promise<boolean> {
  const end = Date.now() + limitMs;
  while (Date.now() < end) {
    if (condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return condition();
}
