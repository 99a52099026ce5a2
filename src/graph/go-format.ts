/**
 * Texts as Go's fmt package prints them: BuildKit puts them into the history of every image, and tools compare them.
 * Source: pkg.go.dev/fmt (verbs %q and %v), pkg.go.dev/time#Duration.String.
 */
import { isPrintable } from './printable.ts';

const escapes: ReadonlyMap<string, string> = new Map([
  ['\u0007', '\\a'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
  ['\\', '\\\\'],
  ['"', '\\"'],
]);

/** `%q` of a string. */
export function goQuote(text: string): string {
  let quoted = '"';
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    const escape = escapes.get(char);
    if (escape !== undefined) quoted += escape;
    else if (code < 0x20 || code === 0x7f) quoted += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (isPrintable(code)) quoted += char;
    else quoted += code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  }
  return `${quoted}"`;
}

/** `%q` of a list of strings. */
export function goQuoteList(list: readonly string[]): string {
  return `[${list.map(goQuote).join(' ')}]`;
}

/** `%v` of a list of strings. */
export function goList(list: readonly string[]): string {
  return `[${list.join(' ')}]`;
}

const second = 1_000_000_000n;

/** A time.Duration in nanoseconds, such as `1h0m0s`, `1.5s`, `10ms`. A long one is what its JSON says, to the nanosecond. */
export function goDuration(nanoseconds: number): string {
  return formatDuration(BigInt(String(nanoseconds)));
}

function formatDuration(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return '0s';
  if (nanoseconds < 0n) return `-${formatDuration(-nanoseconds)}`;
  if (nanoseconds < 1_000n) return `${nanoseconds}ns`;
  if (nanoseconds < 1_000_000n) return `${fraction(nanoseconds, 1_000n)}µs`;
  if (nanoseconds < second) return `${fraction(nanoseconds, 1_000_000n)}ms`;
  const minutes = nanoseconds / (60n * second);
  const seconds = fraction(nanoseconds % (60n * second), second);
  if (minutes >= 60n) return `${minutes / 60n}h${minutes % 60n}m${seconds}s`;
  return minutes > 0n ? `${minutes}m${seconds}s` : `${seconds}s`;
}

function fraction(value: bigint, unit: bigint): string {
  const rest = (value % unit).toString().padStart(String(unit).length - 1, '0').replace(/0+$/, '');
  return rest === '' ? `${value / unit}` : `${value / unit}.${rest}`;
}
