/** Substitution of variables in the words of an instruction, with errors that say where. */
import { TsbuildError, withPosition, type SourceRange } from '../base/errors.ts';
import { ShellLex } from '../dockerfile/shell-lex.ts';
import { expandHeredoc, expandWord, expandWords } from '../dockerfile/words.ts';
import type { EnvList } from './env-list.ts';

/** Where words find the values of their variables. */
export type Scope = Pick<EnvList, 'get'>;

interface Escaping {
  readonly escape: '\\' | '`';
}

/** Does the action; an error without a position gets this one. */
export function positioned<T>(position: SourceRange, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw withPosition(error, position);
  }
}

/** One word in, one word out: no splitting (SEMANTICS A6, 21). */
export function expand(word: string, env: Scope, { escape }: Escaping, position: SourceRange): string {
  return positioned(position, () => expandWord(word, { lookup: (name) => env.get(name), escape }).text);
}

/** One word in, any number out: EXPOSE alone splits after substitution. */
export function expandToWords(word: string, env: EnvList, { escape }: Escaping, position: SourceRange): readonly string[] {
  return positioned(position, () => expandWords(word, { lookup: (name) => env.get(name), escape }).words);
}

/** A here-document's body: quotes stay, the escape character is always the backslash (SEMANTICS A6, 27). */
export function expandBody(body: string, env: EnvList, position: SourceRange): string {
  return positioned(position, () => expandHeredoc(body, { lookup: (name) => env.get(name) }).text);
}

/**
 * An instruction for people: variables that are set by their value, the others and quotes as written
 * (SEMANTICS A6, 23). A text that is no word for the lexer, as shell syntax may be, stays as it is.
 * @param hidden variables whose values nobody may see
 */
export function expandShown(text: string, env: EnvList, { escape }: Escaping, hidden: ReadonlySet<string>): string {
  const lookup = (name: string): string | undefined => (hidden.has(name) ? undefined : env.get(name));
  try {
    return new ShellLex(text, { lookup, escape, keepUnset: true, rawQuotes: true, rawEscapes: false, skipQuotes: false }).run().text;
  } catch (error) {
    if (error instanceof TsbuildError) return text;
    throw error;
  }
}
