/** One call of tsbuild, understood: which command with which plain arguments. */
import type { ArchiveFormat, CallMethod, GraphFormat, LogRequest, PruneChoice } from './commands.ts';
import type { ContextRequest } from '../build/list-context.ts';
import type { BuildRequest } from './build-request.ts';
import type { ProgressMode } from './options/build-options.ts';

/** How a build reports. */
export interface ProgressChoice {
  readonly mode: ProgressMode;
  /** An output of the build takes standard output, which then has room for nothing else. */
  readonly stdoutTaken: boolean;
}

/** The commands that need nothing but the store. */
export type StoreInvocation =
  | { readonly command: 'images'; readonly json: boolean }
  | { readonly command: 'inspect'; readonly names: readonly string[]; readonly platform: string | null }
  | { readonly command: 'history'; readonly name: string; readonly platform: string | null; readonly json: boolean }
  | { readonly command: 'tag'; readonly source: string; readonly targets: readonly string[] }
  | { readonly command: 'rm'; readonly names: readonly string[] }
  | { readonly command: 'save'; readonly names: readonly string[]; readonly platform: string | null; readonly output: string; readonly format: ArchiveFormat }
  | { readonly command: 'load'; readonly input: string }
  | { readonly command: 'du'; readonly verbose: boolean; readonly json: boolean }
  | { readonly command: 'verify-store'; readonly repair: boolean; readonly json: boolean }
  /** `force`: without asking. */
  | { readonly command: 'prune'; readonly choice: PruneChoice; readonly force: boolean; readonly json: boolean }
  | { readonly command: 'logs'; readonly which: LogRequest };

/** How what was found out about a Dockerfile is printed. */
export const callFormats = ['text', 'json', 'sarif'] as const;
export type CallFormat = (typeof callFormats)[number];

/** A Dockerfile looked at instead of built. */
export interface CallInvocation {
  readonly method: CallMethod;
  /** `sarif` for `check` alone. */
  readonly format: CallFormat;
  /** Findings of `check` end with exit code 2. */
  readonly strict: boolean;
  /** Findings never change the exit code. */
  readonly ignoreStatus: boolean;
}

/** How a context is listed. */
export interface ContextForm {
  /** Ignored paths too, and the rules that decided. */
  readonly why: boolean;
  readonly json: boolean;
}

export type Invocation =
  | { readonly command: 'call'; readonly request: BuildRequest; readonly call: CallInvocation }
  | { readonly command: 'build'; readonly request: BuildRequest; readonly progress: ProgressChoice }
  | { readonly command: 'graph'; readonly request: BuildRequest; readonly format: GraphFormat }
  /** `file` is a path or `-`. */
  | { readonly command: 'parse'; readonly file: string; readonly json: boolean }
  | { readonly command: 'context'; readonly request: ContextRequest; readonly form: ContextForm }
  | { readonly command: 'doctor'; readonly storeRoot: string; readonly format: 'table' | 'json' }
  | { readonly command: 'store'; readonly storeRoot: string; readonly task: StoreInvocation }
  /** Text to print on standard output: `--help`, `--version`, `completion`. */
  | { readonly command: 'print'; readonly text: string };

/** Receives what a call turned out to be. */
export type Accept = (invocation: Invocation) => void;
