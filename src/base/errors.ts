/**
 * The one error class of tsbuild: what failed, on what, why, and what to do about it.
 * It does not print, translate or decide how to go on; `cli` renders it and maps its class to an exit code.
 * Start at `TsbuildError`.
 */

/** Where in a Dockerfile something stands. Lines and columns count from 1; `end` lines are inclusive. */
export interface SourceRange {
  /** The file as the user named it, for messages (`Dockerfile`, `docker/app.Dockerfile`, `-`). */
  readonly file: string;
  readonly startLine: number;
  readonly endLine: number;
}

/**
 * The classes of failure, each with its exit code (DESIGN.md, section 8).
 * `usage` covers wrong options and wrong Dockerfiles.
 */
export const exitCodes = {
  step: 1,
  usage: 2,
  machine: 3,
  registry: 4,
  bug: 70,
  interrupted: 130,
} as const;

export type ErrorClass = keyof typeof exitCodes;

export interface ErrorOptions {
  /** What the user can do. A full sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
  readonly position?: SourceRange;
  /** Facts for programs, JSON-able: errno, path, exit code … Never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * An error that a user can understand: the message names the operation, its operand and the cause, in this order.
 * `code` is stable and in SCREAMING_SNAKE_CASE; callers decide by `code` or `errorClass`, never by message text.
 */
export class TsbuildError extends Error {
  readonly errorClass: ErrorClass;
  readonly code: string;
  readonly hint: string | undefined;
  readonly position: SourceRange | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(errorClass: ErrorClass, code: string, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'TsbuildError';
    this.errorClass = errorClass;
    this.code = code;
    this.hint = options.hint;
    this.position = options.position;
    this.details = options.details ?? {};
  }

  /** The process exit code that this error ends the command with. */
  get exitCode(): number {
    return exitCodes[this.errorClass];
  }
}

/** Returns the same error with a source position, unless it has one already. */
export function withPosition(error: unknown, position: SourceRange): unknown {
  if (!(error instanceof TsbuildError) || error.position !== undefined) return error;
  const { errorClass, code, message, hint, cause, details } = error;
  return new TsbuildError(errorClass, code, message, {
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
    details,
    position,
  });
}

/**
 * Checks us, not the user: a false condition is a bug in tsbuild and ends the program with exit code 70.
 * @throws TsbuildError with class `bug`
 */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) {
    throw new TsbuildError('bug', 'INVARIANT', message, { hint: 'This is a bug in tsbuild. Please report it with the Dockerfile.' });
  }
}

/** Marks a branch that the types make unreachable. */
export function unreachable(value: never): never {
  throw new TsbuildError('bug', 'UNREACHABLE', `unexpected value ${JSON.stringify(value)}`);
}

/** The `code` of a Node.js system error (`ENOENT` …), or undefined for anything else. */
export function errnoCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
