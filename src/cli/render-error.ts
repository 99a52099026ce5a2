/**
 * An error as text for people: the failing step's last lines, the Dockerfile's lines, the message with its code, what
 * caused it, and what to do. Stack traces are shown only when asked for. Start at `renderError`.
 */
import { createColors } from 'picocolors';
import { messageOf, TsbuildError } from '../base/errors.ts';
import { formatExcerpt } from '../dockerfile/excerpt.ts';
import type { FailedStep } from './progress/failure.ts';
import { cutMiddle, showControls, showControlsInLines } from './text/sanitize.ts';

export interface ErrorView {
  /** The text of the file that the error's position names. */
  readonly dockerfileText?: string | undefined;
  readonly failedStep?: FailedStep | null;
  readonly color: boolean;
  /** Show stack traces (TSBUILD_DEBUG=1). */
  readonly debug?: boolean;
}

const contextLines = 2;
const causesMax = 5;
/** A message may quote a line of a megabyte, which nobody reads on a terminal. */
const textLengthMax = 4000;

/** The text, ending with a line end. */
export function renderError(error: unknown, view: ErrorView): string {
  const colors = createColors(view.color);
  const known = error instanceof TsbuildError ? error : null;
  const lines: string[] = [];
  if (view.failedStep != null && known?.errorClass === 'step') lines.push(...stepLines(view.failedStep));
  if (known?.position !== undefined) lines.push(...positionLines(known.position, view.dockerfileText));
  lines.push(`${colors.red('ERROR:')} ${readable(messageOf(error))} (${known?.code ?? 'UNEXPECTED'})`);
  lines.push(...causeLines(error));
  const hint = hintOf(error);
  if (hint !== undefined) lines.push(`${colors.bold('hint:')} ${readable(hint)}`);
  const logPath = view.failedStep?.logPath ?? known?.details['logPath'];
  if (typeof logPath === 'string') lines.push(`full log: ${showControls(logPath)}`);
  if (view.debug === true) lines.push(...stackLines(error));
  return `${lines.join('\n')}\n`;
}

function readable(text: string): string {
  return showControlsInLines(cutMiddle(text, textLengthMax));
}

function stepLines(step: FailedStep): string[] {
  return ['------', ` > ${showControls(step.name)}:`, ...step.lines, '------'];
}

function positionLines(position: NonNullable<TsbuildError['position']>, text: string | undefined): string[] {
  const excerpt = text === undefined ? '' : formatExcerpt(text, position, contextLines);
  if (excerpt === '') return [`${showControls(position.file)}:${position.startLine}`];
  return showControlsInLines(excerpt).trimEnd().split('\n');
}

// A cause whose words the message has already taken over adds nothing.
function causeLines(error: unknown): string[] {
  const lines: string[] = [];
  let said = messageOf(error);
  let cause: unknown = error instanceof Error ? error.cause : undefined;
  for (let depth = 0; cause !== undefined && depth < causesMax; depth += 1) {
    const text = messageOf(cause);
    if (!said.includes(text)) lines.push(`  cause: ${readable(text)}${cause instanceof TsbuildError ? ` (${cause.code})` : ''}`);
    said += text;
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return lines;
}

function hintOf(error: unknown): string | undefined {
  if (error instanceof TsbuildError && error.hint !== undefined) return error.hint;
  if (error instanceof TsbuildError && error.errorClass !== 'bug') return undefined;
  return 'This is a bug in tsbuild. Run it again with TSBUILD_DEBUG=1 and report what it prints, with the Dockerfile.';
}

function stackLines(error: unknown): string[] {
  const lines: string[] = [];
  let current: unknown = error;
  for (let depth = 0; current instanceof Error && depth < causesMax; depth += 1) {
    lines.push(...showControlsInLines(current.stack ?? current.message).split('\n'));
    current = current.cause;
  }
  return lines;
}

/** The process's exit code for anything that was thrown; what is no TsbuildError is a bug (70). */
export function exitCodeOf(error: unknown): number {
  return error instanceof TsbuildError ? error.exitCode : 70;
}
