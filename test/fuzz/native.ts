/** Builds and runs the fuzz targets of the C++ (addon/fuzz): with clang's libFuzzer where it is, else with our driver. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repository } from '../support/tsbuild.ts';

export const nativeTargets = ['tar-reader', 'unpack'] as const;
export type NativeTarget = (typeof nativeTargets)[number];

/** What the targets call of the sandbox process: everything but its jobs, whose ends are the targets' own. */
const sources = ['tar-reader', 'tar-header', 'tar-pax', 'tar-sparse', 'unpack', 'unpack-entry', 'unpack-whiteout', 'path', 'member-path', 'listing', 'remove', 'xattr'];

/** Undefined behaviour and bad memory accesses end the program (https://clang.llvm.org/docs/UndefinedBehaviorSanitizer.html). */
const sanitizers = ['-fsanitize=address,undefined', '-fno-sanitize-recover=undefined'];

export interface NativeRun {
  /** Which program compiles: `clang++` brings libFuzzer. */
  readonly compiler: 'clang++' | 'g++';
  readonly options: readonly string[];
  readonly seconds: number;
  /** Whether an input that fails is written into the kept corpus; else it is left in the folder for temporary files. */
  readonly keeps: boolean;
}

/** The archives that both targets begin with. */
export const nativeCorpus = join(repository, 'fixtures/fuzz/tar');

export function hasClang(): boolean {
  return spawnSync('clang++', ['--version']).status === 0;
}

function run(program: string, args: readonly string[], cwd: string, seconds: number): string {
  const { status, signal, error, stdout, stderr } = spawnSync(program, args, {
    cwd, encoding: 'utf8', timeout: seconds * 1000, maxBuffer: 64 * 1024 * 1024, env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' },
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} ended with ${status ?? signal}:\n${stdout.slice(-2000)}${stderr.slice(-8000)}`);
  return `${stdout}${stderr}`;
}

/** Compiles a target into the folder. @returns its path */
export function compileTarget(target: NativeTarget, compiler: NativeRun['compiler'], folder: string): string {
  const output = join(folder, `fuzz-${target}`);
  const own = [target, 'target', ...(compiler === 'g++' ? ['driver'] : [])].map((name) => join(repository, 'addon/fuzz', `${name}.cc`));
  const fuzzer = compiler === 'clang++' ? ['-fsanitize=fuzzer'] : [];
  const flags = ['-std=c++20', '-g', '-O1', '-Wall', '-Wextra', '-D_GNU_SOURCE', '-D_FILE_OFFSET_BITS=64', ...sanitizers, ...fuzzer];
  run(compiler, [...flags, ...own, ...sources.map((name) => join(repository, 'addon/sandbox', `${name}.cc`)), '-o', output], folder, 300);
  return output;
}

/**
 * Runs a target over the tars of fixtures/fuzz/tar and mutations of them.
 * @returns what it printed
 * @throws Error with the report of the sanitizer or the violated property
 */
export function runNativeTarget(target: NativeTarget, { compiler, options, seconds, keeps }: NativeRun): string {
  const folder = mkdtempSync(join(tmpdir(), 'tsbuild-fuzz-'));
  try {
    const program = compileTarget(target, compiler, folder);
    const found = join(folder, 'found');
    mkdirSync(found);
    return run(program, [...options, ...(compiler === 'clang++' ? [found, nativeCorpus] : [nativeCorpus])], folder, seconds);
  } catch (error) {
    const input = readdirSync(folder).find((name) => name.startsWith('crash-') || name.startsWith('timeout-') || name.startsWith('oom-'));
    if (input !== undefined) {
      const kept = join(keeps ? nativeCorpus : tmpdir(), `${target}-${input}`);
      copyFileSync(join(folder, input), kept);
      throw new Error(`${target}: the input is in ${kept}`, { cause: error });
    }
    throw error;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
