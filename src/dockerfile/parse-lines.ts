/**
 * A Dockerfile as a list of raw instructions: comments, continuations, directives and here-documents are resolved,
 * operands are split but not checked (BuildKit parser/parser.go, Parse). Start at `parseLines`.
 */
import { withPosition, type SourceRange } from '../base/errors.ts';
import { DirectiveReader, type EscapeCharacter } from './directives.ts';
import { explainNearMiss, findHeredocs, isNearMiss, type HeredocHead, type NearMiss } from './heredoc.ts';
import type { ParseWarning } from './instruction.ts';
import { decodeText, LineReader, type DecodedText } from './lines.ts';
import { readNode, type Node } from './node.ts';
import { reject } from './rejection.ts';
import { trimLineEnd, trimSpace, trimStart } from './whitespace.ts';

/**
 * A here-document with its body as written; `<<-` has not removed tabs yet. Bytes that are not UTF-8 are lone surrogates
 * (base/path-bytes.ts), because COPY writes them as they are.
 */
export interface RawHeredoc extends HeredocHead {
  readonly content: string;
}

/** An instruction as written, with the lines that it takes, bodies of here-documents included. */
export interface RawInstruction extends Node {
  readonly start: number;
  readonly end: number;
  readonly heredocs: readonly RawHeredoc[];
  /** Comments directly above it, without `#`: descriptions and `check=` lines of single instructions. */
  readonly comments: readonly string[];
}

/** The whole file as raw instructions. */
export interface RawDockerfile {
  readonly file: string;
  readonly text: string;
  readonly escape: EscapeCharacter;
  readonly directives: Readonly<Record<string, string>>;
  readonly instructions: readonly RawInstruction[];
  readonly warnings: readonly ParseWarning[];
}

/**
 * Reads a file into raw instructions, of which unknown ones are not refused yet.
 * @throws TsbuildError class usage, with the file and the lines
 */
export function parseLines(source: Uint8Array | string, file: string): RawDockerfile {
  const decoded = decodeText(source, file);
  const { text } = decoded;
  const parser = new LineParser(decoded, file);
  const instructions = parser.run();
  const warnings = decoded.foreign === null ? parser.warnings : [encodingWarning(text, file), ...parser.warnings];
  return { file, text, escape: parser.escape, directives: parser.directives, instructions, warnings };
}

function encodingWarning(text: string, file: string): ParseWarning {
  const line = text.slice(0, Math.max(text.indexOf('\ufffd'), 0)).split('\n').length;
  return { code: 'InvalidUtf8', message: 'The file is not UTF-8; the wrong bytes are read as U+FFFD.', position: { file, startLine: line, endLine: line } };
}

/** Goes through the file once, from top to bottom. */
class LineParser {
  readonly warnings: ParseWarning[] = [];
  readonly #reader: LineReader;
  readonly #directives = new DirectiveReader();
  #comments: string[] = [];

  constructor(source: DecodedText, file: string) {
    this.#reader = new LineReader(source, file);
  }

  get escape(): EscapeCharacter {
    return this.#directives.escape;
  }

  get directives(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#directives.values);
  }

  run(): RawInstruction[] {
    const instructions: RawInstruction[] = [];
    for (let line = this.#reader.next(); line !== undefined; line = this.#reader.next()) {
      const text = trimStart(trimLineEnd(line));
      if (this.#takeComment(line, text) || text === '') continue;
      instructions.push(this.#readInstruction(text));
      this.#comments = [];
    }
    if (instructions.length === 0) {
      reject('DOCKERFILE_NO_INSTRUCTIONS', 'file with no instructions', { position: this.#reader.rangeFrom(1), hint: 'A Dockerfile starts with FROM.' });
    }
    return instructions;
  }

  /** Whether the line is a comment; directives are comments too, but are not kept as such. */
  #takeComment(line: string, text: string): boolean {
    const isDirective = this.#directives.take(text, this.#reader.rangeFrom(this.#reader.line));
    if (!text.startsWith('#')) return false;
    // The first character goes, also where it is a blank before an indented `#`: so does BuildKit.
    const comment = trimSpace(line.slice(1));
    if (comment === '') this.#comments = [];
    else if (!isDirective) this.#comments.push(comment);
    return true;
  }

  #readInstruction(firstLine: string): RawInstruction {
    const start = this.#reader.line;
    const line = this.#joinContinuations(firstLine);
    const node = this.#locate(start, (position) => readNode(line, { escape: this.escape, position }));
    const heads = mayHaveHeredocs(node) ? this.#locate(start, () => findHeredocs(line)) : [];
    const heredocs = heads.map((head) => ({ ...head, content: this.#readBody(head, start) }));
    return { ...node, start, end: this.#reader.line, heredocs, comments: this.#comments };
  }

  /** Adds the position to what the function throws. */
  #locate<Result>(start: number, read: (position: SourceRange) => Result): Result {
    const position = this.#reader.rangeFrom(start);
    try {
      return read(position);
    } catch (error) {
      throw withPosition(error, position);
    }
  }

  #joinContinuations(firstLine: string): string {
    const pieces: string[] = [];
    let hasEmptyLine = false;
    let { text, continues } = cutContinuation(firstLine, this.escape);
    pieces.push(text);
    while (continues) {
      const line = this.#reader.next();
      if (line === undefined) break;
      const trimmed = trimStart(line);
      if (trimmed.startsWith('#')) continue;
      if (trimmed === '') hasEmptyLine = true;
      else {
        ({ text, continues } = cutContinuation(trimLineEnd(line), this.escape));
        pieces.push(text);
      }
    }
    const joined = pieces.join('');
    if (hasEmptyLine) this.#warnEmptyLine(joined);
    return joined;
  }

  #warnEmptyLine(line: string): void {
    this.warnings.push({
      code: 'NoEmptyContinuation',
      message: `Empty continuation line found in: ${line}`,
      position: this.#reader.rangeFrom(this.#reader.line),
    });
  }

  #readBody(head: HeredocHead, start: number): string {
    const from = this.#reader.place;
    let near: NearMiss | undefined;
    for (let to = from, line = this.#reader.next(); line !== undefined; to = this.#reader.place, line = this.#reader.next()) {
      const text = trimLineEnd(line);
      if ((head.chomp ? text.replace(/^\t+/, '') : text) === head.name) return this.#reader.between(from, to);
      if (near === undefined && isNearMiss(text, head.name)) near = { line: this.#reader.line, text };
    }
    reject('HEREDOC_UNTERMINATED', 'unterminated heredoc', {
      position: this.#reader.rangeFrom(start),
      hint: near === undefined
        ? `No line after it is ${JSON.stringify(head.name)} and nothing else. Quote << where it is a shell operator.`
        : explainNearMiss(near, head),
    });
  }
}

/** RUN, COPY and ADD, also under ONBUILD, and never in JSON form. */
function mayHaveHeredocs(node: Node): boolean {
  const target = node.trigger ?? node;
  return !target.json && ['RUN', 'COPY', 'ADD'].includes(target.name);
}

/**
 * A line continues where it ends in the escape character, blanks aside, unless another one stands before it: `\\` ends
 * a line. So does `\\\`, which BuildKit documents as a case that it does not handle.
 */
function cutContinuation(line: string, escape: EscapeCharacter): { text: string; continues: boolean } {
  let end = line.length;
  while (end > 0 && (line[end - 1] === ' ' || line[end - 1] === '\t')) end -= 1;
  const continues = line[end - 1] === escape && line[end - 2] !== escape;
  return continues ? { text: line.slice(0, end - 1), continues } : { text: line, continues };
}
