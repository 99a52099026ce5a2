/**
 * A user without any privilege, made for one test file and removed after it, and tsbuild where that user can read it.
 * Needs root.
 */
import { cpSync, chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mustRun, runProcess, type Finished } from './run-process.ts';
import { repository } from './tsbuild.ts';

export interface OrdinaryUser {
  readonly name: string;
  /** The user's own; everybody may read it. */
  readonly home: string;
  /** Runs `tsbuild ARGS` as the user, with its store where a user's is by default; `wrapper` is a command in front of it. */
  run(args: readonly string[], wrapper?: readonly string[]): Promise<Finished>;
  /** Removes the user with all that it owns, files of its subordinate ids too. */
  remove(): Promise<void>;
}

/** Makes a user, by `hasIds` with 65536 subordinate ids. */
export async function makeOrdinaryUser({ hasIds }: { readonly hasIds: boolean }): Promise<OrdinaryUser> {
  const folder = mkdtempSync(join(tmpdir(), 'tsbuild-user-'));
  chmodSync(folder, 0o755);
  const home = join(folder, 'home');
  const name = `tsb${String(process.pid)}${hasIds ? 'a' : 'b'}`;
  await mustRun('useradd', ['--create-home', '--home-dir', home, '--shell', '/bin/sh', ...(hasIds ? [] : ['--system']), name]);
  const program = join(folder, 'package');
  mkdirSync(program);
  // The repository may lie where only root gets to.
  for (const part of ['dist', 'build/Release/tsbuild.node', 'build/Release/tsbuild-sandbox', 'package.json']) cpSync(join(repository, part), join(program, part), { recursive: true });
  const run = (args: readonly string[], wrapper: readonly string[] = []): Promise<Finished> => runProcess(
    'setpriv',
    ['--reuid', name, '--regid', name, '--clear-groups', ...wrapper, process.execPath, join(program, 'dist/tsbuild.cjs'), ...args],
    { cwd: home, env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: home } },
  );
  const remove = async (): Promise<void> => {
    await mustRun('userdel', [name]);
    rmSync(folder, { recursive: true, force: true });
  };
  return { name, home, run, remove };
}
