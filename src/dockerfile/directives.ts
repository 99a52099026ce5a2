/**
 * Parser directives: `# escape=`, `# syntax=` and `# check=` at the very top (BuildKit parser/directives.go).
 * It does not act on them, except that a wrong `escape` is refused. Start at `DirectiveReader`.
 */
import type { SourceRange } from '../base/errors.ts';
import { reject } from './rejection.ts';
import { isSpace, trimLineEnd, trimStart } from './whitespace.ts';

/** The escape characters that a Dockerfile can choose. */
export type EscapeCharacter = '\\' | '`';

const known = new Set(['syntax', 'escape', 'check']);

/**
 * Takes the file's lines one by one, until the first that is no directive ends directive mode for good:
 * an ordinary comment, an unknown directive, a blank line or an instruction.
 */
export class DirectiveReader {
  readonly values = new Map<string, string>();
  readonly #prefix: string;
  #done = false;

  constructor(prefix: '#' | '//' = '#') {
    this.#prefix = prefix;
  }

  get escape(): EscapeCharacter {
    return this.values.get('escape') === '`' ? '`' : '\\';
  }

  /**
   * Whether the line, without leading blanks, is a directive.
   * @throws TsbuildError `DIRECTIVE_DUPLICATE`, `DIRECTIVE_ESCAPE`
   */
  take(line: string, position: SourceRange): boolean {
    if (this.#done) return false;
    const directive = line.startsWith(this.#prefix) ? splitDirective(line.slice(this.#prefix.length)) : undefined;
    if (directive === undefined || !known.has(directive.name)) {
      this.#done = true;
      return false;
    }
    const { name, value } = directive;
    if (this.values.has(name)) reject('DIRECTIVE_DUPLICATE', `only one ${name} parser directive can be used`, { position, hint: 'Remove one of the two lines.' });
    if (name === 'escape' && value !== '\\' && value !== '`') {
      reject('DIRECTIVE_ESCAPE', `invalid escape token '${value}' does not match \` or \\`, { position, hint: 'Write # escape=` or # escape=\\, or leave the line out.' });
    }
    this.values.set(name, value);
    return true;
  }
}

/** `name = value`, the name a letter and then letters and digits; undefined where the text is not of that form. */
function splitDirective(text: string): { readonly name: string; readonly value: string } | undefined {
  const match = /^([a-zA-Z][a-zA-Z0-9]*)[\t\f\r ]*=/.exec(trimStart(text));
  if (match?.[1] === undefined) return undefined;
  const value = trimAscii(trimStart(text).slice(match[0].length));
  return value === '' ? undefined : { name: match[1].toLowerCase(), value };
}

/** Go's `\s` in a pattern means these four only, unlike unicode.IsSpace. */
function trimAscii(text: string): string {
  const isBlank = (index: number): boolean => '\t\f\r '.includes(text.charAt(index)) && index < text.length;
  let start = 0;
  let end = text.length;
  while (isBlank(start)) start += 1;
  while (end > start && isBlank(end - 1)) end -= 1;
  return text.slice(start, end);
}

/** The value of one directive and where it stands. */
export interface DirectiveLine {
  readonly value: string;
  readonly line: number;
}

/**
 * Finds the `check` directive, also after a `#!` line (BuildKit parser/directives.go, ParseDirective). What stands behind a
 * directive that is there twice is not found; parsing says why.
 */
export function findCheckDirective(text: string): DirectiveLine | undefined {
  const { rest, firstLine } = withoutScriptLine(text);
  return directiveIn(rest, '#', firstLine, 'check');
}

/** Which frontend a file asks for. */
export interface SyntaxDirective {
  /** The first word: an image reference. */
  readonly reference: string;
  readonly line: number;
}

/**
 * Finds `syntax` in every form that BuildKit knows: `# syntax=`, `// syntax=` and a JSON document with the key
 * `syntax`, each also after a `#!` line. A file whose directives are wrong has none; parsing it says why.
 */
export function detectSyntax(text: string): SyntaxDirective | undefined {
  const { rest, firstLine } = withoutScriptLine(text);
  return syntaxFromLines(rest, '#', firstLine) ?? syntaxFromLines(rest, '//', firstLine) ?? syntaxFromJson(rest, firstLine);
}

function withoutScriptLine(text: string): { readonly rest: string; readonly firstLine: number } {
  const start = text.startsWith('\ufeff') ? 1 : 0;
  if (!text.startsWith('#!', start)) return { rest: text.slice(start), firstLine: 1 };
  const feed = text.indexOf('\n', start);
  return { rest: text.slice(feed < 0 ? text.length : feed + 1), firstLine: 2 };
}

function syntaxFromLines(text: string, prefix: '#' | '//', firstLine: number): SyntaxDirective | undefined {
  const found = directiveIn(text, prefix, firstLine, 'syntax');
  return found === undefined ? undefined : { reference: firstWord(found.value), line: found.line };
}

function directiveIn(text: string, prefix: '#' | '//', firstLine: number, name: string): DirectiveLine | undefined {
  const lines = text.split('\n', known.size + 1);
  const seen = new Set<string>();
  for (const [index, line] of lines.entries()) {
    const trimmed = trimLineEnd(line);
    const directive = trimmed.startsWith(prefix) ? splitDirective(trimmed.slice(prefix.length)) : undefined;
    if (directive === undefined || !known.has(directive.name) || seen.has(directive.name)) return undefined;
    seen.add(directive.name);
    if (directive.name === name) return { value: directive.value, line: firstLine + index };
  }
  return undefined;
}

function firstWord(value: string): string {
  return value.split(' ', 1)[0] ?? value;
}

function syntaxFromJson(text: string, line: number): SyntaxDirective | undefined {
  let start = 0;
  while (start < text.length && isSpace(text.charCodeAt(start))) start += 1;
  if (text[start] !== '{') return undefined;
  try {
    const document: unknown = JSON.parse(text);
    if (typeof document !== 'object' || document === null || !('syntax' in document)) return undefined;
    return typeof document.syntax === 'string' ? { reference: document.syntax, line } : undefined;
  } catch {
    return undefined;
  }
}
