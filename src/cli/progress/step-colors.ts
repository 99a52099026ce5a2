/**
 * The colours of the live view and what BUILDKIT_COLORS says of them, such as `run=light-blue:error=255,0,80`
 * (BuildKit, util/progress/progressui/colors.go and init.go).
 */
import type { createColors } from 'picocolors';

type Style = (text: string) => string;

/** Steps that are done, given up or failed, notices, and output. */
export interface StepColors {
  readonly run: Style;
  readonly cancel: Style;
  readonly error: Style;
  readonly warning: Style;
  readonly dim: Style;
}

const names = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];
const resetForeground = '\x1b[39m';
const byteMax = 255;

/**
 * Colours as the user wants them. What is not understood is passed over, as in BuildKit: the variable is shared with
 * other programs, and a colour is no reason not to build.
 * @param wanted BUILDKIT_COLORS; without effect where there are no colours at all
 */
export function stepColors(colors: ReturnType<typeof createColors>, wanted: string): StepColors {
  const own = new Map(colors.isColorSupported ? wanted.split(':').flatMap(readEntry) : []);
  const style = (name: string, otherwise: Style): Style => own.get(name) ?? otherwise;
  return {
    run: style('run', colors.blue),
    cancel: style('cancel', colors.yellow),
    error: style('error', colors.red),
    warning: style('warning', colors.yellow),
    dim: colors.dim,
  };
}

function readEntry(entry: string): readonly (readonly [string, Style])[] {
  const at = entry.indexOf('=');
  const code = readColor(entry.slice(at + 1).trim().toLowerCase());
  if (at < 0 || code === null) return [];
  return [[entry.slice(0, at).trim().toLowerCase(), (text): string => (text === '' ? '' : `\x1b[${code}m${text}${resetForeground}`)]];
}

/** The parameter of SGR; null where it is no colour. */
function readColor(text: string): string | null {
  if (text === 'default') return '39';
  const light = text.startsWith('light-');
  const index = names.indexOf(light ? text.slice('light-'.length) : text);
  return index >= 0 ? String((light ? 90 : 30) + index) : readRgb(text);
}

/** Three numbers up to 255: the nearest of the 216 colours that every terminal with 256 has. */
function readRgb(text: string): string | null {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.length !== 3 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= byteMax)) return null;
  const [red = 0, green = 0, blue = 0] = parts.map((part) => Math.round((Number(part) * 5) / byteMax));
  return `38;5;${16 + 36 * red + 6 * green + blue}`;
}
