/** The process around a call of tsbuild, as far as the command line touches it; tests bring their own. */
import type { User } from './options/store-root.ts';

/** Standard output or standard error. */
export interface CliOutput {
  write(chunk: string | Uint8Array): void;
  readonly isTTY: boolean;
  /** Undefined where there is no terminal; read anew for every frame. */
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** Why a call is to stop early: a signal, or nobody reads what it writes (EPIPE, or a terminal that went away). */
export type Interruption = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'OUTPUT_CLOSED';

export interface CliIo {
  readonly stdout: CliOutput;
  readonly stderr: CliOutput;
  readonly stdinIsTTY: boolean;
  /** Writes a question to standard error and returns the line that standard input answers with; empty at its end. */
  ask(question: string): Promise<string>;
  readonly user: User;
  readonly version: string;
  /** Milliseconds since the epoch, the clock of the events. */
  now(): number;
  /** Calls back again and again until the returned function is called. */
  every(intervalMs: number, callback: () => void): () => void;
  /** Registers for interruptions until the returned function is called. */
  onInterruption(callback: (what: Interruption) => void): () => void;
  /** What `--network default` means on this machine, in a few words; asked only for `--help`. */
  defaultNetwork(): Promise<string>;
}
