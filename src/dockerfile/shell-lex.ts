/**
 * The word lexer: removes quotes and escapes and substitutes variables (BuildKit shell/lex.go, exactly).
 * It does not know instructions or scopes; `words.ts` is its door. Start at `ShellLex.run`.
 *
 * All characters with a meaning are ASCII, so the text is read by UTF-16 units; names are read by code points.
 * Each level of `${…}` is one level of recursion, so nesting has a limit.
 */
import type { EscapeCharacter } from './directives.ts';
import { reject } from './rejection.ts';
import { applyModifier, replaceMatches, type Modifier } from './shell-modifier.ts';
import { patternStepsMax, type StepBudget } from './shell-pattern.ts';
import { TextCollector, WordCollector } from './word-collector.ts';

/** How a word is read. Everything that BuildKit's callers choose differently is here. */
export interface LexOptions {
  readonly lookup: (name: string) => string | undefined;
  readonly escape: EscapeCharacter;
  /** Quotes stay in the result. */
  readonly rawQuotes: boolean;
  /** Escape characters stay in the result. */
  readonly rawEscapes: boolean;
  /** Quotes are ordinary characters: bodies of here-documents. */
  readonly skipQuotes: boolean;
  /** A variable without value stays as written: names of steps, delimiters of here-documents. */
  readonly keepUnset: boolean;
}

/** What came out: the text, the same split into words, and the names that had and had no value. */
export interface LexResult {
  readonly text: string;
  readonly words: readonly string[];
  readonly used: readonly string[];
  readonly unset: readonly string[];
}

/** How much a word may grow by substitution, in UTF-16 units: `ENV A=$A$A` doubles it with each line. */
export const expansionSizeMax = 1024 * 1024;
/** The deepest nesting of `${a:-${b:-…}}`. */
export const nestingMax = 100;

/** One run over one word. */
export class ShellLex {
  readonly #source: string;
  readonly #options: LexOptions;
  readonly #sizeMax: number;
  readonly #used = new Set<string>();
  readonly #unset = new Set<string>();
  readonly #budget: StepBudget = { left: patternStepsMax };
  #at = 0;
  #depth = 0;
  #rawEscapes: boolean;

  constructor(word: string, options: LexOptions) {
    this.#source = word;
    this.#options = options;
    this.#sizeMax = word.length + expansionSizeMax;
    this.#rawEscapes = options.rawEscapes;
    // text/scanner, which BuildKit reads with, drops a byte order mark at the very beginning.
    if (word.startsWith('\ufeff')) this.#at = 1;
  }

  /** @throws TsbuildError with a code that starts with `WORD_` */
  run(): LexResult {
    const { text, words } = this.#readUntil(undefined, this.#rawEscapes);
    return { text, words, used: [...this.#used], unset: [...this.#unset] };
  }

  #peek(): string | undefined {
    return this.#source[this.#at];
  }

  #next(): string | undefined {
    const char = this.#source[this.#at];
    if (char !== undefined) this.#at += 1;
    return char;
  }

  /** Reads to the stop character, which it consumes, or to the end where there is none. */
  #readUntil(stop: string | undefined, rawEscapes: boolean): { readonly text: string; readonly words: readonly string[] } {
    const outerRawEscapes = this.#rawEscapes;
    this.#rawEscapes = rawEscapes;
    this.#depth += 1;
    if (this.#depth > nestingMax) reject('WORD_NESTING', `substitutions are nested more than ${nestingMax} levels deep`);
    const output = new WordCollector(this.#sizeMax);
    for (let char = this.#peek(); char !== undefined && char !== stop; char = this.#peek()) this.#readOne(char, stop, output);
    if (stop !== undefined && this.#next() === undefined) rejectEnd(`syntax error: missing '${stop}' in \${}`, stop === '/' ? '/' : '${');
    this.#depth -= 1;
    this.#rawEscapes = outerRawEscapes;
    return output.finish();
  }

  /** Reads a run of ordinary characters, or what a special one opens. */
  #readOne(char: string, stop: string | undefined, output: WordCollector): void {
    const quotes = !this.#options.skipQuotes;
    if (char === '$') output.addSplit(this.#readDollar());
    else if (char === '<') output.addWhole(this.#readRedirection());
    else if (char === "'" && quotes) output.addWhole(this.#readSingleQuoted());
    else if (char === '"' && quotes) output.addWhole(this.#readDoubleQuoted());
    else if (char === this.#options.escape) this.#readEscape(char, output);
    else output.addSplit(this.#readPlain(stop));
  }

  #readPlain(stop: string | undefined): string {
    const start = this.#at;
    const special = `$<'"${this.#options.escape}${stop ?? ''}`;
    do this.#at += 1;
    while (this.#at < this.#source.length && !special.includes(this.#source.charAt(this.#at)));
    return this.#source.slice(start, this.#at);
  }

  #readEscape(escape: string, output: WordCollector): void {
    this.#at += 1;
    if (this.#rawEscapes) output.addWhole(escape);
    const char = this.#next();
    if (char !== undefined) output.addWhole(char);
  }

  /** `<<` takes the blanks behind it into its word, so that `<< EOF` is one (moby/buildkit#5817). */
  #readRedirection(): string {
    this.#at += 1;
    if (this.#peek() !== '<') return '<';
    const start = this.#at;
    this.#at += 1;
    while (' \t\r'.includes(this.#source.charAt(this.#at)) && this.#at < this.#source.length) this.#at += 1;
    return `<${this.#source.slice(start, this.#at)}`;
  }

  #readSingleQuoted(): string {
    const close = this.#source.indexOf("'", this.#at + 1);
    if (close < 0) rejectEnd('unexpected end of statement while looking for matching single-quote', "'");
    const raw = this.#options.rawQuotes;
    const text = this.#source.slice(raw ? this.#at : this.#at + 1, raw ? close + 1 : close);
    this.#at = close + 1;
    return text;
  }

  #readDoubleQuoted(): string {
    const quote = this.#options.rawQuotes ? '"' : '';
    const output = new TextCollector(this.#sizeMax);
    output.add(quote);
    this.#at += 1;
    for (let char = this.#peek(); char !== '"'; char = this.#peek()) {
      if (char === undefined) rejectEnd('unexpected end of statement while looking for matching double-quote', '"');
      if (char === '$') output.add(this.#readDollar());
      else output.add(this.#readQuotedChar(char));
    }
    this.#at += 1;
    output.add(quote);
    return output.text();
  }

  /** In double quotes the escape works before `"`, `$` and itself, and is an ordinary character elsewhere. */
  #readQuotedChar(char: string): string {
    this.#at += 1;
    if (char !== this.#options.escape) return char;
    const raw = this.#rawEscapes ? char : '';
    const next = this.#peek();
    if (next === undefined) return raw;
    if (next !== '"' && next !== '$' && next !== char) return raw + char;
    this.#at += 1;
    return raw + next;
  }

  #readDollar(): string {
    this.#at += 1;
    if (this.#peek() === '{') return this.#readBraces();
    const name = this.#readName();
    if (name === '') return '$';
    return this.#value(name) ?? (this.#options.keepUnset ? `$${name}` : '');
  }

  #readBraces(): string {
    this.#at += 1;
    const first = this.#peek();
    if (first === undefined) rejectEnd("syntax error: missing '}'");
    if (first === '{' || first === '}' || first === ':') reject('WORD_SUBSTITUTION', 'syntax error: bad substitution');
    const name = this.#readName();
    const char = this.#next();
    if (char === '}') return this.#value(name) ?? (this.#options.keepUnset ? `\${${name}}` : '');
    if (char === undefined) rejectEnd("syntax error: missing '}'");
    if (char === '/') return this.#readReplacement(name);
    if (char === ':') return this.#readModifier(name, this.#next() ?? '', true);
    return this.#readModifier(name, char, false);
  }

  #readModifier(name: string, sign: string, colon: boolean): string {
    const modifier = colon ? `:${sign}` : sign;
    const takesPattern = sign === '#' || sign === '%';
    if (colon ? takesPattern : !isModifier(modifier)) rejectModifier(modifier);
    const { text } = this.#readUntil('}', takesPattern);
    const value = this.#value(name);
    // Also `${name:1:2}` and the like, which a shell knows and this lexer does not.
    if (value === undefined && this.#options.keepUnset) return `\${${name}${modifier}${text}}`;
    return applyModifier({ name, value, modifier: isModifier(modifier) ? modifier : rejectModifier(modifier), operand: text }, this.#budget);
  }

  #readReplacement(name: string): string {
    const all = this.#peek() === '/';
    if (all) this.#at += 1;
    const pattern = this.#readUntil('/', true).text;
    const replacement = this.#readUntil('}', true).text;
    const value = this.#value(name);
    if (value === undefined && this.#options.keepUnset) return `\${${name}/${pattern}/${replacement}}`;
    return replaceMatches(value ?? '', { pattern, replacement, all }, this.#budget);
  }

  /** Letters, digits and `_`; or digits only; or one of the shell's special parameters. */
  #readName(): string {
    const pattern = /[@*#?$!-]|\p{Nd}+|[\p{L}\p{Nd}_]+/uy;
    pattern.lastIndex = this.#at;
    const name = pattern.exec(this.#source)?.[0] ?? '';
    this.#at += name.length;
    return name;
  }

  #value(name: string): string | undefined {
    const value = this.#options.lookup(name);
    (value === undefined ? this.#unset : this.#used).add(name);
    return value;
  }
}

function isModifier(text: string): text is Modifier {
  return [':-', '-', ':+', '+', ':?', '?', '#', '%'].includes(text);
}

function rejectModifier(modifier: string): never {
  reject('WORD_MODIFIER', `unsupported modifier (${modifier}) in substitution`, {
    hint: 'Modifiers are :- - :+ + :? ? # ## % %% / and //. For a literal $ escape it.',
  });
}

/** @param opened what is open at the end */
function rejectEnd(message: string, opened: '${' | '/' | '"' | "'" = '${'): never {
  reject('WORD_UNCLOSED', message, { hint: closingHint(opened) });
}

function closingHint(opened: string): string {
  if (opened === '${') return 'Close ${ with }. For a literal $ escape it.';
  if (opened === '/') return 'Write ${NAME/PATTERN/REPLACEMENT}. For a literal $ escape it.';
  return `Close the quote with ${opened}. For a literal ${opened} escape it.`;
}
