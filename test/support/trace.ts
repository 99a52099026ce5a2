/** Counts what a call of tsbuild asks of the kernel, by strace: processes that it starts and file systems that it mounts. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseRawLines, type RawOutcome } from './raw-events.ts';
import { runProcess } from './run-process.ts';
import { callEnvironment, program, type CallOptions } from './tsbuild.ts';

const traced = [
  'mount', 'umount2', 'fsopen', 'fsmount', 'move_mount', 'open_tree', 'mount_setattr', 'pivot_root', 'unshare', 'setns',
  'clone', 'clone3', 'fork', 'vfork', 'execve', 'execveat',
];

/** A build, with the traced calls that are more than a thread of its own. */
export interface TracedBuild extends RawOutcome {
  /** One line each, such as `mount("overlay", …) = 0`. */
  readonly calls: readonly string[];
}

/** Runs `tsbuild build ARGS` under strace. */
export async function traceBuild(args: readonly string[], options: CallOptions): Promise<TracedBuild> {
  const file = join(options.store, '..', `trace-${String(process.pid)}.txt`);
  const command = [process.execPath, program, 'build', '--progress=rawjson', ...args];
  const finished = await runProcess('strace', ['-f', '-qq', '-o', file, '-e', `trace=${traced.join(',')}`, ...command], {
    cwd: options.cwd ?? '/', env: callEnvironment(options),
  });
  const calls = (await readFile(file, 'utf8')).split('\n').filter(isTold);
  // The first is Node itself.
  return { ...parseRawLines(finished.stderr), exitCode: finished.exitCode, stdout: finished.stdout, calls: calls.slice(1) };
}

// Threads are the process itself; signals and ends of threads are not calls, and a resumed call was already told.
function isTold(line: string): boolean {
  if (line === '' || /^\d+\s+(---|\+\+\+)/.test(line) || line.includes(' resumed>')) return false;
  return !line.includes('CLONE_THREAD');
}
