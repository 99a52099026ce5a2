/** Compiles small C and C++ programs that tests run against the kernel, in the test's temporary directory. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after } from 'node:test';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A directory of this test file's own, removed when its tests are over. */
export function makeTestDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsbuild-sandbox-'));
  after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/** Compiles C++ sources, given relative to the project, and returns the program's path. */
export function compileSources(directory: string, name: string, sources: readonly string[]): string {
  const program = join(directory, name);
  const flags = ['-std=c++20', '-O1', '-D_GNU_SOURCE', '-fno-exceptions', '-static', '-o', program];
  execFileSync('g++', [...flags, ...sources.map((source) => join(root, source))], { stdio: ['ignore', 'ignore', 'inherit'] });
  return program;
}

/** Compiles one C++ source text. */
export function compileText(directory: string, name: string, text: string, options: readonly string[] = []): string {
  const source = join(directory, `${name}.cc`);
  writeFileSync(source, text);
  const program = join(directory, name);
  execFileSync('g++', ['-O1', '-D_GNU_SOURCE', ...options, '-o', program, source], { stdio: ['ignore', 'ignore', 'inherit'] });
  return program;
}
