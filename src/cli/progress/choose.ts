/** Chooses the renderer that the options, the terminal and the environment ask for. */
import { createColors } from 'picocolors';
import { TsbuildError } from '../../base/errors.ts';
import type { CliIo, CliOutput } from '../io.ts';
import type { ProgressMode } from '../options/build-options.ts';
import type { Environment } from '../options/pairs.ts';
import { PlainRenderer } from './plain.ts';
import { QuietRenderer, RawJsonRenderer } from './rawjson.ts';
import type { Renderer } from './renderer.ts';
import { stepColors } from './step-colors.ts';
import { TtyRenderer } from './tty.ts';
import { tailLinesDefault } from './tty-model.ts';

/** What `auto` means here: a live view only where somebody watches. */
export function resolveMode(mode: ProgressMode, io: CliIo, env: Environment): Exclude<ProgressMode, 'auto'> {
  if (mode === 'tty' && !io.stderr.isTTY) {
    throw new TsbuildError('usage', 'PROGRESS_NO_TTY', '--progress=tty: standard error is not a terminal', { hint: 'Use --progress=plain.' });
  }
  if (mode !== 'auto') return mode;
  const watched = io.stderr.isTTY && env['TERM'] !== 'dumb' && !isSet(env['CI']);
  return watched ? 'tty' : 'plain';
}

/** Whether text for people may have colours (no-color.org, force-color.org). */
export function wantsColor(output: CliOutput, env: Environment): boolean {
  if ((env['NO_COLOR'] ?? '') !== '') return false; // whatever its value
  if (env['FORCE_COLOR'] !== undefined) return isSet(env['FORCE_COLOR']);
  return output.isTTY && env['TERM'] !== 'dumb';
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0' && value !== 'false';
}

/** The renderer of a mode; all of them write to standard error. */
export function createRenderer(mode: Exclude<ProgressMode, 'auto'>, io: CliIo, env: Environment): Renderer {
  const write = (text: string): void => { io.stderr.write(text); };
  const now = (): number => io.now();
  switch (mode) {
    case 'plain':
      return new PlainRenderer(write, now);
    case 'rawjson':
      return new RawJsonRenderer(write);
    case 'quiet':
      return new QuietRenderer();
    case 'tty':
      return new TtyRenderer({ write, size: () => terminalSize(io) }, now, stepColors(createColors(wantsColor(io.stderr, env)), env['BUILDKIT_COLORS'] ?? ''), tailLines(env));
  }
}

/** More lines than any terminal has rows are not kept. */
const tailLinesMax = 1000;

// BUILDKIT_TTY_LOG_LINES; what is no number above 0 is passed over, as in BuildKit.
function tailLines(env: Environment): number {
  const wanted = /^\+?0*([1-9]\d*)$/.exec(env['BUILDKIT_TTY_LOG_LINES'] ?? '')?.[1];
  return wanted === undefined ? tailLinesDefault : Math.min(Number(wanted), tailLinesMax);
}

// A terminal that tells no size (a serial line) is taken for the classic one.
function terminalSize(io: CliIo): { columns: number; rows: number } {
  const { columns, rows } = io.stderr;
  return { columns: Math.max(20, columns === undefined || columns === 0 ? 80 : columns), rows: Math.max(4, rows === undefined || rows === 0 ? 24 : rows) };
}
