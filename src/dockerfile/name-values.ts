/**
 * The operands of ENV, LABEL and ARG: quoted words and `name=value` pairs (BuildKit parser/line_parsers.go).
 * Quotes and escapes stay: the word lexer removes them when it substitutes variables. Start at `parseNameValues`.
 */
import type { SourceRange } from '../base/errors.ts';
import type { EscapeCharacter } from './directives.ts';
import { reject } from './rejection.ts';
import { cutBlank, isSpace } from './whitespace.ts';

/** Splits at blanks outside quotes. An escape character at the very end is dropped. */
export function splitQuotedWords(text: string, escape: EscapeCharacter): string[] {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && isSpace(text.charCodeAt(at))) at += 1;
    if (at >= text.length) return words;
    const end = findWordEnd(text, at, escape);
    const word = text.slice(at, Math.min(end, text.length));
    const trimmed = end > text.length ? word.slice(0, -1) : word;
    if (trimmed !== '') words.push(trimmed);
    at = end;
  }
}

/** The offset behind the word; past the text's end where the last character is an escape that escapes nothing. */
function findWordEnd(text: string, start: number, escape: EscapeCharacter): number {
  let quote = '';
  let at = start;
  while (at < text.length) {
    const char = text.charAt(at);
    if (quote === '' && isSpace(char.charCodeAt(0))) return at;
    if (char === escape && quote !== "'") at += 1;
    else if (quote === '' && (char === '"' || char === "'")) quote = char;
    else if (char === quote) quote = '';
    at += 1;
  }
  return at;
}

/** What the pairs are parsed for. */
export interface NameValueContext {
  readonly instruction: 'ENV' | 'LABEL';
  readonly escape: EscapeCharacter;
  readonly position: SourceRange;
}

/**
 * The pairs as a flat list of name, value and separator (`=`, or empty in the legacy form), three words each.
 * The legacy form, `ENV name value with blanks`, is taken if and only if the first word has no `=`.
 * @throws TsbuildError `PAIR_INCOMPLETE`
 */
export function parseNameValues(text: string, context: NameValueContext): string[] {
  const words = splitQuotedWords(text, context.escape);
  const [first] = words;
  if (first === undefined) return [];
  if (!first.includes('=')) return parseLegacy(text, context);
  return words.flatMap((word) => {
    const equals = word.indexOf('=');
    if (equals >= 0) return [word.slice(0, equals), word.slice(equals + 1), '='];
    return reject('PAIR_INCOMPLETE', `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`, {
      position: context.position,
      hint: 'Quote values that have blanks in them: name="two words".',
    });
  });
}

function parseLegacy(text: string, { instruction, position }: NameValueContext): string[] {
  const { first, rest } = cutBlank(text);
  return rest === undefined
    ? reject('PAIR_INCOMPLETE', `${instruction} must have two arguments`, { position, hint: `Write ${instruction} name=value.` })
    : [first, rest, ''];
}
