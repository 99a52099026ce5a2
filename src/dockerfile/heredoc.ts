/**
 * Here-documents: which words of a line announce one (BuildKit parser/parser.go, heredocsFromLine). It does not read
 * their bodies. Start at `findHeredocs`.
 */
import { TsbuildError } from '../base/errors.ts';
import { ShellLex, type LexOptions } from './shell-lex.ts';
import { reject } from './rejection.ts';
import { trimSpace } from './whitespace.ts';

/** What a word such as `3<<-"EOF"` announces. */
export interface HeredocHead {
  /** The delimiter without quotes and escapes. */
  readonly name: string;
  readonly fileDescriptor: number;
  /** False where a part of the delimiter was quoted. */
  readonly expand: boolean;
  /** `<<-`. */
  readonly chomp: boolean;
}

/** Variables in delimiters stay as written, and the backslash escapes whatever the `escape` directive says. */
const literal: LexOptions = {
  lookup: () => undefined, escape: '\\', keepUnset: true, rawQuotes: false, rawEscapes: false, skipQuotes: false,
};

/**
 * The here-documents that a logical line announces, in order. A line that the word lexer cannot read, such as one with
 * an open quote, has none.
 * @throws TsbuildError `WORD_UNCLOSED` for an open quote in a delimiter
 */
export function findHeredocs(line: string): readonly HeredocHead[] {
  if (!line.includes('<<')) return [];
  const heads = splitShellWords(line).map(readHeredocWord);
  return heads.filter((head) => head !== undefined);
}

function splitShellWords(line: string): readonly string[] {
  try {
    return new ShellLex(line, { ...literal, rawQuotes: true, rawEscapes: true }).run().words;
  } catch (error) {
    if (isSyntaxError(error)) return [];
    throw error;
  }
}

/** A limit of ours is not a fact about the line: it must not make a here-document vanish. */
function isSyntaxError(error: unknown): boolean {
  return error instanceof TsbuildError && !['WORD_NESTING', 'WORD_TOO_LARGE', 'WORD_PATTERN_COST'].includes(error.code);
}

/**
 * What the word announces, or undefined where it announces no here-document.
 * @throws TsbuildError `WORD_UNCLOSED`, `WORD_SUBSTITUTION` where the delimiter cannot be read
 */
export function readHeredocWord(word: string): HeredocHead | undefined {
  const match = /^(\d*)<<(-?)[\t\n\f\r ]*([^<]*)$/.exec(word);
  const delimiter = match?.[3];
  if (match === null || delimiter === undefined || delimiter === '') return undefined;
  const plain = new ShellLex(delimiter, literal).run().words;
  const quoted = new ShellLex(delimiter, { ...literal, rawQuotes: true }).run().words;
  const [name] = plain;
  if (name === undefined || plain.length > 1) return undefined;
  if (quoted.length !== 1) reject('HEREDOC_DELIMITER', `the delimiter of a here-document cannot be read: ${delimiter}`);
  return {
    name,
    fileDescriptor: Math.min(Number(match[1]), Number.MAX_SAFE_INTEGER),
    expand: countQuotes(name) === countQuotes(quoted[0] ?? ''),
    chomp: match[2] === '-',
  };
}

/** As `readHeredocWord`, but a delimiter that cannot be read announces nothing: for words that may be paths. */
export function tryReadHeredocWord(word: string): HeredocHead | undefined {
  try {
    return readHeredocWord(word);
  } catch (error) {
    if (error instanceof TsbuildError) return undefined;
    throw error;
  }
}

function countQuotes(text: string): number {
  return text.length - text.replace(/['"]/g, '').length;
}

/** Without the tabs at the beginning of each line, which `<<-` removes. */
export function chompContent(content: string): string {
  return content.replace(/(^|\n)\t+/g, '$1');
}

/** A line that was meant to end a here-document, and does not. */
export interface NearMiss {
  readonly line: number;
  readonly text: string;
}

/** A longer line is not shown in a hint. */
const nearMissLengthMax = 200;

/** Whether the line is the delimiter but for case and blanks around it. */
export function isNearMiss(text: string, name: string): boolean {
  if (text.length < name.length || text.length > nearMissLengthMax) return false;
  const bare = trimSpace(text);
  return bare.length === name.length && bare.toLowerCase() === name.toLowerCase();
}

/** Says what is wrong with the line. */
export function explainNearMiss({ line, text }: NearMiss, { name, chomp }: HeredocHead): string {
  const found = `Line ${line} has ${JSON.stringify(text)}`;
  if (trimSpace(text) !== name) return `${found}; upper and lower case matter, write ${name}.`;
  if (text.endsWith(name)) {
    return `${found}, which is indented; remove the blanks before ${name}${chomp ? ': <<- takes tabs alone' : ', or write <<- and indent by tabs'}.`;
  }
  return `${found} with trailing blanks; remove them.`;
}
