/**
 * What the parser read, as one JSON document for other programs: instructions with flags and words before substitution.
 * It adds nothing to the reading and gives nothing a meaning. Start at `parseDocument`.
 */
import type { EscapeCharacter } from './directives.ts';
import type { Node } from './node.ts';
import { checkInstructions } from './parse.ts';
import { parseLines, type RawDockerfile, type RawHeredoc } from './parse-lines.ts';
import { wellFormed } from './well-formed.ts';

/** A here-document; the content is as written, before `<<-` removes tabs. */
export interface HeredocDocument {
  readonly name: string;
  readonly content: string;
  readonly expand: boolean;
  readonly chomp: boolean;
}

/** One instruction; lines count from 1, and the last one belongs to it. */
export interface InstructionDocument {
  /** In upper case. */
  readonly name: string;
  readonly flags: readonly string[];
  /** As BuildKit splits them (its `node.Next` values). ENV and LABEL have three for each pair: name, value, separator. */
  readonly words: readonly string[];
  readonly json: boolean;
  readonly start: number;
  readonly end: number;
  readonly heredocs: readonly HeredocDocument[];
  /** Under ONBUILD. Its here-documents are those of the ONBUILD, its lines too. */
  readonly trigger?: InstructionDocument;
}

/** Something that BuildKit accepts and a person should know. */
export interface WarningDocument {
  readonly code: string;
  readonly line: number;
  readonly message: string;
}

/** A whole file. */
export interface ParseDocument {
  readonly escape: EscapeCharacter;
  readonly directives: Readonly<Record<string, string>>;
  readonly instructions: readonly InstructionDocument[];
  readonly warnings: readonly WarningDocument[];
}

/**
 * Parses a Dockerfile and describes it.
 * @throws TsbuildError class usage where BuildKit's parser or its reading of instructions refuses the file
 */
export function parseDocument(source: Uint8Array | string, file: string): ParseDocument {
  const raw = parseLines(source, file);
  checkInstructions(raw);
  return describeLines(raw);
}

/** Describes a file whose instructions were not looked at: they may be unknown or have wrong operands. */
export function describeLines({ escape, directives, instructions, warnings }: RawDockerfile): ParseDocument {
  return {
    escape,
    directives,
    instructions: instructions.map((raw) => describeNode(raw, raw, raw.heredocs)),
    warnings: warnings.map(({ code, message, position }) => ({ code, line: position.startLine, message })),
  };
}

function describeNode(node: Node, lines: { readonly start: number; readonly end: number }, heredocs: readonly RawHeredoc[]): InstructionDocument {
  const { name, flags, words, json, trigger } = node;
  return {
    name, flags, words, json, start: lines.start, end: lines.end,
    heredocs: heredocs.map(({ name: delimiter, content, expand, chomp }) => ({ name: delimiter, content: wellFormed(content), expand, chomp })),
    ...(trigger === undefined ? {} : { trigger: describeNode(trigger, lines, []) }),
  };
}
