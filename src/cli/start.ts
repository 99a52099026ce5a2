/**
 * Connects `runCli` to this process: its streams, signals, clock and exit code. The only file that touches `process`
 * besides `main.ts`.
 */
import { isatty } from 'node:tty';
import { machineError } from '../store/disk-error.ts';
import type { Commands } from './commands.ts';
import type { CliIo, CliOutput, Interruption } from './io.ts';
import { exitCodeOf, renderError } from './render-error.ts';
import { runCli } from './run-cli.ts';
import type { WiringContext } from './wiring.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Makes the commands of a process. */
export type LoadCommands = (context: WiringContext) => Promise<Commands>;

const loadWiring: LoadCommands = async (context) => (await import('./wiring.ts')).createCommands(context);

/** Runs one call and ends the process with its exit code, once everything is written. */
export async function start(words: readonly string[], version: string, load: LoadCommands = loadWiring): Promise<void> {
  const listeners = new Set<(what: Interruption) => void>();
  const interrupt = (what: Interruption): void => { for (const listener of [...listeners]) listener(what); };
  for (const signal of signals) process.on(signal, () => { interrupt(signal); });
  const closed = watchOutputs(() => { interrupt('OUTPUT_CLOSED'); });
  process.on('uncaughtException', dieOfBug);
  const exitCode = await runCli(words, process.env, createIo(version, listeners, closed), () => load(wiringContext()));
  for (const stream of [process.stdout, process.stderr]) if (!closed.has(stream)) await flush(stream);
  // Idle connections and the like must not keep a finished command alive.
  process.exit(exitCode);
}

function createIo(version: string, listeners: Set<(what: Interruption) => void>, closed: ReadonlySet<NodeJS.WriteStream>): CliIo {
  return {
    stdout: createOutput(process.stdout, closed),
    stderr: createOutput(process.stderr, closed),
    stdinIsTTY: isatty(0),
    ask: askLine,
    user: { uid: process.geteuid?.() ?? -1, workingDirectory: process.cwd() },
    version,
    now: () => Date.now(),
    every(intervalMs, callback) {
      const timer = setInterval(callback, intervalMs);
      return () => { clearInterval(timer); };
    },
    onInterruption(callback) {
      listeners.add(callback);
      return () => { listeners.delete(callback); };
    },
    async defaultNetwork() {
      const { describeDefaultNetwork } = await import('./wiring.ts');
      return describeDefaultNetwork({ env: process.env });
    },
  };
}

function createOutput(stream: NodeJS.WriteStream & { readonly fd: number }, closed: ReadonlySet<NodeJS.WriteStream>): CliOutput {
  const isTTY = isatty(stream.fd);
  return {
    write(chunk) { if (!closed.has(stream)) stream.write(chunk); },
    isTTY,
    get columns() { return isTTY ? stream.columns : undefined; },
    get rows() { return isTTY ? stream.rows : undefined; },
  };
}

// Standard input is opened only by who reads it: opening alone makes a pipe non-blocking for everybody who shares it.
function wiringContext(): WiringContext {
  return { env: process.env, workingDirectory: process.cwd(), stdout: process.stdout, get stdin() { return process.stdin; } };
}

async function askLine(question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<string>((resolve) => lines.once('close', () => { resolve(''); }));
  try {
    return await Promise.race([lines.question(question), closed]);
  } finally {
    lines.close();
  }
}

// Also unhandled rejections end here. What held mounts and processes is released by the kernel when this process dies.
function dieOfBug(error: unknown): void {
  const told = machineError(error);
  process.stderr.write(renderError(told, { color: false, debug: process.env['TSBUILD_DEBUG'] === '1' }));
  process.exit(exitCodeOf(told));
}

// EPIPE: the reader went away. EIO: the terminal did. ENOSPC behind a redirection ends the same way. Node goes on writing
// to a standard stream that failed, so we must remember not to. Returns the set of streams that are gone.
function watchOutputs(onClosed: () => void): ReadonlySet<NodeJS.WriteStream> {
  const closed = new Set<NodeJS.WriteStream>();
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', () => {
      if (closed.has(stream)) return;
      closed.add(stream);
      onClosed();
    });
  }
  return closed;
}

function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableLength === 0) resolve();
    else stream.write('', () => { resolve(); });
  });
}
