/**
 * Values of the shape `type=oci,dest=a.tar`: one record of comma-separated values in which a field may be quoted,
 * as Go's encoding/csv reads them, because that is what docker's options accept.
 */
import { TsbuildError } from '../../base/errors.ts';

/** A field `key=value`, or a word without `=`. */
export interface Field {
  readonly key: string;
  readonly value: string | null;
}

/**
 * Splits an option's value into its fields; keys are lower-cased.
 * @throws TsbuildError `OPTION_VALUE` for unbalanced quotes
 */
export function parseFields(option: string, text: string): readonly Field[] {
  return splitRecord(option, text).map((word) => {
    const equals = word.indexOf('=');
    if (equals < 0) return { key: word.trim(), value: null };
    return { key: word.slice(0, equals).trim().toLowerCase(), value: word.slice(equals + 1) };
  });
}

function splitRecord(option: string, text: string): string[] {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    const { word, end } = text[at] === '"' ? readQuoted(option, text, at + 1) : readBare(text, at);
    words.push(word);
    if (end >= text.length) return words;
    at = end + 1;
  }
}

function readBare(text: string, start: number): { word: string; end: number } {
  const comma = text.indexOf(',', start);
  const end = comma < 0 ? text.length : comma;
  return { word: text.slice(start, end), end };
}

// A doubled quote inside quotes is one quote.
function readQuoted(option: string, text: string, start: number): { word: string; end: number } {
  let word = '';
  for (let at = start; at < text.length; at += 1) {
    if (text[at] !== '"') {
      word += text.charAt(at);
    } else if (text[at + 1] === '"') {
      word += '"';
      at += 1;
    } else if (at + 1 === text.length || text[at + 1] === ',') {
      return { word, end: at + 1 };
    } else {
      break;
    }
  }
  throw invalidOption(option, text, 'the quotes do not balance');
}

/** The error of every option whose value has the wrong form. */
export function invalidOption(option: string, value: string, why: string, hint?: string): TsbuildError {
  return new TsbuildError('usage', 'OPTION_VALUE', `${option} ${JSON.stringify(value)}: ${why}`, hint === undefined ? {} : { hint });
}

/** Checks an operand against a closed list of words. */
export function oneOf<Word extends string>(option: string, value: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === value);
  if (found === undefined) throw invalidOption(option, value, `must be one of ${words.join(', ')}`);
  return found;
}
