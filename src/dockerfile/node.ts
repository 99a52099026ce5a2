/**
 * One logical line as name, flags and words, before anything is checked (BuildKit parser/parser.go, dispatch table).
 * It does not read lines or bodies of here-documents. Start at `readNode`.
 */
import type { SourceRange } from '../base/errors.ts';
import type { EscapeCharacter } from './directives.ts';
import { splitFlags } from './flags.ts';
import { parseJsonForm } from './json-form.ts';
import { lowerCase } from './lower-case.ts';
import { parseNameValues, splitQuotedWords } from './name-values.ts';
import { cutBlank, isSpace, splitBlanks, trimSpace } from './whitespace.ts';

/** A logical line's parts. */
export interface Node {
  /** The keyword in upper case. */
  readonly name: string;
  readonly flags: readonly string[];
  /** Operands before substitution. ENV and LABEL have three for each pair: name, value, `=` or (legacy form) nothing. */
  readonly words: readonly string[];
  /** Whether the operands were a JSON array. */
  readonly json: boolean;
  /** The logical line: continuations joined, comments dropped. */
  readonly line: string;
  /** The instruction under ONBUILD. */
  readonly trigger?: Node;
}

/** How the rest of a line becomes words, by instruction. */
type Shape = 'text' | 'blanks' | 'json-or-text' | 'json-or-blanks' | 'pairs' | 'quoted' | 'health' | 'trigger';

/** By keyword in lower case. */
const shapes: ReadonlyMap<string, Shape> = new Map([
  ['add', 'json-or-blanks'], ['arg', 'quoted'], ['cmd', 'json-or-text'], ['copy', 'json-or-blanks'],
  ['entrypoint', 'json-or-text'], ['env', 'pairs'], ['expose', 'blanks'], ['from', 'blanks'],
  ['healthcheck', 'health'], ['label', 'pairs'], ['maintainer', 'text'], ['onbuild', 'trigger'],
  ['run', 'json-or-text'], ['shell', 'json-or-text'], ['stopsignal', 'text'], ['user', 'text'],
  ['volume', 'json-or-blanks'], ['workdir', 'text'],
]);

/** The keywords of all instructions, for suggestions. */
export const instructionNames: readonly string[] = [...shapes.keys()].map((name) => name.toUpperCase());

/** Where the line stands and which character escapes in it. */
export interface NodeContext {
  readonly escape: EscapeCharacter;
  readonly position: SourceRange;
}

type Operands = Pick<Node, 'words' | 'json' | 'trigger'>;

/**
 * Reads one logical line. An unknown keyword is no error here; its operands are not read.
 * @throws TsbuildError `JSON_FORM_STRINGS`, `PAIR_INCOMPLETE`
 */
export function readNode(line: string, context: NodeContext, isTrigger = false): Node {
  const { first, rest } = cutBlank(trimSpace(line));
  const keyword = lowerCase(first);
  const shape = shapes.get(keyword);
  const name = shape === undefined ? upperAscii(first) : keyword.toUpperCase();
  const { flags, rest: operands } = splitFlags(rest ?? '', context.escape);
  const read = shape === undefined || (shape === 'trigger' && isTrigger)
    ? { words: [''], json: false }
    : readOperands(shape, name, trimSpace(operands), context);
  return { name, flags, ...read, line };
}

/** toUpperCase would make known keywords of unknown ones: `u\u017fer` of USER. */
function upperAscii(text: string): string {
  return text.replace(/[a-z]/g, (letter) => letter.toUpperCase());
}

function readOperands(shape: Shape, name: string, text: string, context: NodeContext): Operands {
  switch (shape) {
    case 'text': return shellForm(text);
    case 'blanks': return { words: splitBlanks(text), json: false };
    case 'quoted': return { words: splitQuotedWords(text, context.escape), json: false };
    case 'json-or-text': return jsonForm(text) ?? shellForm(text);
    case 'json-or-blanks': return jsonForm(text) ?? { words: splitBlanks(text), json: false };
    case 'pairs': return { words: parseNameValues(text, { instruction: name === 'ENV' ? 'ENV' : 'LABEL', ...context }), json: false };
    case 'health': return readHealth(text);
    case 'trigger': return text === '' ? { words: [], json: false } : { words: [], json: false, trigger: readNode(text, context, true) };
  }
}

function shellForm(text: string): Operands {
  return { words: text === '' ? [] : [text], json: false };
}

function jsonForm(text: string): Operands | undefined {
  const words = parseJsonForm(text);
  return words === undefined ? undefined : { words, json: true };
}

/** HEALTHCHECK has a word (`CMD` or `NONE`) before a command in either form. */
function readHealth(text: string): Operands {
  let end = 0;
  while (end < text.length && !isSpace(text.charCodeAt(end))) end += 1;
  const type = text.slice(0, end);
  if (type === '') return { words: [], json: false };
  const command = trimSpace(text.slice(end));
  const { words, json } = jsonForm(command) ?? shellForm(command);
  return { words: [type, ...words], json };
}
