/**
 * What a parsed Dockerfile is: typed instructions with positions, before variables are substituted.
 * No evaluation happens here; `graph/` substitutes and gives meaning. Start at `Instruction`.
 */
import type { SourceRange } from '../base/errors.ts';

/** A here-document of RUN, COPY or ADD (BuildKit dockerfile/parser). */
export interface Heredoc {
  /** The delimiter, unquoted: the file's name for COPY and ADD. */
  readonly name: string;
  /** The file descriptor before `<<`, 0 when absent. */
  readonly fileDescriptor: number;
  /** False where the delimiter was quoted: the body is then taken literally. */
  readonly expand: boolean;
  /** True for `<<-`: leading tabs were removed from `content` already. */
  readonly chomp: boolean;
  /**
   * The body, including the last line end. In COPY and ADD, bytes that are not UTF-8 are lone surrogates
   * (base/path-bytes.ts), so that the file gets them back.
   */
  readonly content: string;
  /** The body as written: it differs from `content` under `<<-` only. A shell that reads `<<-` itself needs this one. */
  readonly raw: string;
}

/** Shell form is given to the SHELL; exec form is an argument vector (SEMANTICS A6, 14 to 16). */
export type Command =
  | { readonly form: 'shell'; readonly text: string }
  | { readonly form: 'exec'; readonly argv: readonly string[] };

/** A name and its value, both before substitution, as in ENV, LABEL and ARG. */
export interface KeyValue {
  readonly key: string;
  readonly value: string;
}

interface Common {
  readonly position: SourceRange;
  /** The logical line: continuations joined, comments dropped, without heredoc bodies. For history and progress. */
  readonly text: string;
  /** Comments directly above it, without `#`: descriptions, and `check=` for this instruction alone. */
  readonly comments: readonly string[];
}

export interface FromInstruction extends Common {
  readonly kind: 'from';
  /** Before substitution. */
  readonly base: string;
  /** `--platform`, before substitution. */
  readonly platform?: string;
  /** Stage name in lower case. */
  readonly as?: string;
}
export interface RunInstruction extends Common {
  readonly kind: 'run';
  readonly command: Command;
  readonly heredocs: readonly Heredoc[];
  /** Each `--mount`, as written, before substitution; read by `parseMount` afterwards. */
  readonly mounts: readonly string[];
  readonly network?: string;
  readonly security?: string;
  readonly devices: readonly string[];
}
/** COPY and ADD share all but a few flags. */
export interface CopyInstruction extends Common {
  readonly kind: 'copy' | 'add';
  /** Source words before substitution, heredoc words left out. Those keep their place in `heredocs`. */
  readonly sources: readonly string[];
  readonly heredocs: readonly Heredoc[];
  readonly destination: string;
  /** COPY only; not substituted (SEMANTICS A6, 40). */
  readonly from?: string;
  readonly chown?: string;
  readonly chmod?: string;
  readonly link: boolean;
  readonly parents: boolean;
  readonly excludes: readonly string[];
  /** ADD only. */
  readonly checksum?: string;
  readonly keepGitDir?: boolean;
  readonly unpack?: boolean;
}
export interface EnvInstruction extends Common {
  readonly kind: 'env' | 'label';
  readonly pairs: readonly KeyValue[];
  /** Present where the only pair was written with a blank instead of `=`. */
  readonly legacy?: true;
}
export interface ArgInstruction extends Common {
  readonly kind: 'arg';
  /** `value` is absent in `ARG NAME`. */
  readonly args: readonly { readonly key: string; readonly value?: string }[];
}
export interface CommandInstruction extends Common {
  readonly kind: 'cmd' | 'entrypoint';
  readonly command: Command;
}
export interface WordInstruction extends Common {
  /** One operand before substitution. */
  readonly kind: 'workdir' | 'user' | 'stopsignal' | 'maintainer';
  readonly value: string;
}
export interface WordsInstruction extends Common {
  readonly kind: 'expose' | 'volume';
  readonly values: readonly string[];
}
export interface ShellInstruction extends Common {
  readonly kind: 'shell';
  readonly shell: readonly string[];
}
export interface HealthcheckInstruction extends Common {
  readonly kind: 'healthcheck';
  /** As in the image config: `["NONE"]`, `["CMD", …]`, `["CMD-SHELL", text]`. */
  readonly test: readonly string[];
  /** Nanoseconds, as in the image config; absent means inherited. */
  readonly interval?: number;
  readonly timeout?: number;
  readonly startPeriod?: number;
  readonly startInterval?: number;
  readonly retries?: number;
}
export interface OnbuildInstruction extends Common {
  readonly kind: 'onbuild';
  /** The trigger as the image config stores it, heredoc bodies included (SEMANTICS A6, 49). */
  readonly expression: string;
  readonly trigger: Instruction;
}

export type Instruction =
  | FromInstruction
  | RunInstruction
  | CopyInstruction
  | EnvInstruction
  | ArgInstruction
  | CommandInstruction
  | WordInstruction
  | WordsInstruction
  | ShellInstruction
  | HealthcheckInstruction
  | OnbuildInstruction;

/** A FROM and what follows it. */
export interface Stage {
  readonly index: number;
  readonly name?: string;
  readonly from: FromInstruction;
  readonly instructions: readonly Exclude<Instruction, FromInstruction>[];
}

export interface ParseWarning {
  /** BuildKit's rule name where it has one, e.g. `NoEmptyContinuation`. */
  readonly code: string;
  readonly message: string;
  readonly position: SourceRange;
}

export interface Dockerfile {
  readonly file: string;
  /** The bytes as text, for excerpts. */
  readonly text: string;
  readonly escape: '\\' | '`';
  /** Parser directives by lower-case name: `syntax`, `escape`, `check`. */
  readonly directives: Readonly<Record<string, string>>;
  /** ARGs before the first FROM. */
  readonly globalArgs: readonly ArgInstruction[];
  readonly stages: readonly Stage[];
  readonly warnings: readonly ParseWarning[];
}
