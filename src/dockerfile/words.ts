/**
 * Words of instructions: expanding variables in them, as one text or split into several, and in bodies of
 * here-documents. It does not know which variables are in scope: `lookup` does. Start at `expandWord`.
 */
import type { EscapeCharacter } from './directives.ts';
import { ShellLex, type LexResult } from './shell-lex.ts';
import { wellFormed } from './well-formed.ts';

export { expansionSizeMax, nestingMax } from './shell-lex.ts';
export { patternStepsMax } from './shell-pattern.ts';

/** What a word is expanded with. */
export interface ExpandOptions {
  /** The value of a variable, or undefined where it is not set. An empty value is a value. */
  readonly lookup: (name: string) => string | undefined;
  /** The file's escape character. Triggers of base images and bodies of here-documents always have the backslash. */
  readonly escape: EscapeCharacter;
  /** Leaves `$name` as written where it is not set, as names of steps do. */
  readonly keepUnset?: boolean;
}

/** An expanded word and the variables that it asked for. */
export interface Expansion {
  readonly text: string;
  /** Names that had a value, in order of first use. */
  readonly used: readonly string[];
  /** Names that had none, in order of first use; also those with a default (`${x:-y}`). */
  readonly unset: readonly string[];
}

/**
 * Removes quotes and escapes and substitutes variables. The result is one text, blanks and all.
 * @throws TsbuildError with class `usage`, a code that starts with `WORD_`, and no position: the caller knows it
 */
export function expandWord(word: string, options: ExpandOptions): Expansion {
  const { text, used, unset } = lex(word, options, false);
  return { text, used, unset };
}

/** As `expandWord`, split at blanks that are neither quoted nor escaped, also at those in values: for EXPOSE. */
export function expandWords(word: string, options: ExpandOptions): Omit<Expansion, 'text'> & { readonly words: readonly string[] } {
  const { words, used, unset } = lex(word, options, false);
  return { words, used, unset };
}

/** Substitutes variables in the body of a COPY or ADD here-document: quotes are literal, the backslash escapes. */
export function expandHeredoc(content: string, options: Omit<ExpandOptions, 'escape'>): Expansion {
  const { text, used, unset } = lex(wellFormed(content), { ...options, escape: '\\' }, true);
  return { text, used, unset };
}

function lex(word: string, options: ExpandOptions, skipQuotes: boolean): LexResult {
  const { lookup, escape, keepUnset = false } = options;
  return new ShellLex(word, { lookup, escape, keepUnset, skipQuotes, rawQuotes: false, rawEscapes: false }).run();
}
