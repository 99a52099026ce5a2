/**
 * Rewrites the spellings of Go's pflag, which docker uses, into those that commander reads: `--pull=false`, `-t=name`.
 * It knows no option by itself.
 */
import { invalidOption } from './csv.ts';

/** Which options exist, so that nothing else is touched. */
export interface Spellings {
  /** `--pull`, `-q` … */
  readonly booleans: ReadonlySet<string>;
  /** `-t`, `-f` …: short options with a value. */
  readonly shortWithValue: ReadonlySet<string>;
}

/** Words after `--` are operands and stay as they are. */
export function normalizeWords(words: readonly string[], spellings: Spellings): string[] {
  const end = words.indexOf('--');
  const options = end < 0 ? words : words.slice(0, end);
  return [...options.flatMap((word) => normalizeWord(word, spellings)), ...words.slice(options.length)];
}

function normalizeWord(word: string, { booleans, shortWithValue }: Spellings): string[] {
  const equals = word.indexOf('=');
  if (!word.startsWith('-') || equals < 0) return [word];
  const [name, value] = [word.slice(0, equals), word.slice(equals + 1)];
  if (shortWithValue.has(name)) return [name, value];
  if (!booleans.has(name)) return [word];
  return parseBoolean(name, value) ? [name] : [];
}

// The words of Go's strconv.ParseBool.
function parseBoolean(name: string, value: string): boolean {
  if (/^(1|t|true)$/i.test(value)) return true;
  if (/^(0|f|false)$/i.test(value)) return false;
  throw invalidOption(name, value, 'must be true or false');
}
