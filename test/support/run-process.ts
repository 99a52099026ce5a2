/** Other programs as child processes: started with an exact environment, waited for, their output collected. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** How to start a program. */
export interface ProcessOptions {
  readonly cwd?: string;
  /** The whole environment, not an addition; by default this process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Written to its standard input, which is empty by default. */
  readonly input?: string | Uint8Array;
}

/** What a program left behind. */
export interface Finished {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; any exit code is a result. Rejects only where it cannot be started. */
export async function runProcess(command: string, args: readonly string[], options: ProcessOptions = {}): Promise<Finished> {
  const child = spawn(command, args, { cwd: options.cwd, env: options.env ?? process.env, stdio: 'pipe' });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => { stdout += text; });
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text; });
  // A program that ends without reading its input is told by its exit code.
  child.stdin.on('error', (error) => { stderr += `\n(standard input: ${error.message})`; });
  child.stdin.end(options.input ?? '');
  const [exitCode, signal] = await once(child, 'close') as [number | null, NodeJS.Signals | null];
  return { exitCode, signal, stdout, stderr };
}

/** Runs a program that must succeed and returns its standard output. */
export async function mustRun(command: string, args: readonly string[], options: ProcessOptions = {}): Promise<string> {
  const finished = await runProcess(command, args, options);
  if (finished.exitCode !== 0) {
    const end = finished.signal ?? `exit code ${String(finished.exitCode)}`;
    throw new Error(`${command} ${args.join(' ')}: ${end}\n${finished.stdout.slice(-4000)}${finished.stderr.slice(-8000)}`);
  }
  return finished.stdout;
}
