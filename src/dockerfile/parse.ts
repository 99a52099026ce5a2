/**
 * Dockerfiles: text in, typed and staged instructions out, everything checked that can be before variables are known
 * (BuildKit frontend/dockerfile/parser and instructions). It substitutes nothing, reads no file and resolves no image.
 * Start at `parseDockerfile`; the way there is parse-lines.ts (lines) → node.ts (words) → one reader per instruction.
 */
import { TsbuildError, withPosition, type SourceRange } from '../base/errors.ts';
import { readCopy } from './copy.ts';
import { readArg, readPairs } from './env.ts';
import { readFrom } from './from.ts';
import { readHealthcheck } from './healthcheck.ts';
import type { ArgInstruction, Dockerfile, FromInstruction, Instruction, Stage } from './instruction.ts';
import { instructionNames } from './node.ts';
import { readOnbuild } from './onbuild.ts';
import { readCommandInstruction, readExpose, readShell, readVolume, readWord } from './operands.ts';
import { parseLines, type RawDockerfile, type RawInstruction } from './parse-lines.ts';
import { reject } from './rejection.ts';
import { readRun } from './run.ts';
import type { Statement } from './statement.ts';
import { suggestionHint } from './suggest.ts';
import { cutBlank, trimSpace } from './whitespace.ts';

/** How far a file could be read: to its end, or to the first instruction that is wrong. */
export type ParseAttempt = Pick<Dockerfile, 'file' | 'text' | 'directives' | 'warnings'> & {
  /** Those before the wrong one. */
  readonly instructions: readonly Instruction[];
} & ({ readonly dockerfile: Dockerfile; readonly error: null } | { readonly dockerfile: null; readonly error: TsbuildError });

/**
 * Parses a whole Dockerfile.
 * @param file the file as the user named it, for messages
 * @throws TsbuildError class usage, with the file and the lines; nothing else
 */
export function parseDockerfile(source: Uint8Array | string, file: string): Dockerfile {
  const { dockerfile, error } = tryParseDockerfile(source, file);
  if (dockerfile === null) throw error;
  return dockerfile;
}

/**
 * Parses a Dockerfile as far as it goes, for those who have something to say about what stands before the error.
 * @throws TsbuildError as `parseDockerfile`, where the file has no lines that could be told apart
 */
export function tryParseDockerfile(source: Uint8Array | string, file: string): ParseAttempt {
  const { instructions: raws, text, escape, directives, warnings } = parseLines(source, file);
  const sections = new Sections(file);
  const instructions: Instruction[] = [];
  const common = { file, text, directives, warnings, instructions };
  try {
    for (const [at, raw] of raws.entries()) {
      const instruction = readInstruction(raw, file, raws[at - 1]);
      instructions.push(instruction);
      sections.add(instruction);
    }
    return { ...common, dockerfile: { file, text, escape, directives, warnings, ...sections.finish() }, error: null };
  } catch (error) {
    if (!(error instanceof TsbuildError)) throw error;
    return { ...common, dockerfile: null, error };
  }
}

/**
 * Refuses what BuildKit's reading of instructions refuses: unknown ones, wrong flags and operands, and instructions before
 * the first FROM. A file with global ARGs alone is not refused here.
 * @throws TsbuildError class usage, with the file and the lines
 */
export function checkInstructions({ file, instructions }: RawDockerfile): void {
  const sections = new Sections(file);
  for (const [at, raw] of instructions.entries()) sections.add(readInstruction(raw, file, instructions[at - 1]));
}

/**
 * Parses the text of a trigger from an image's `OnBuild`, here-documents included, in which the escape character is the
 * backslash whatever it was in the file that it comes from.
 * @param position where the error is to be shown: the FROM that brought the trigger
 * @throws TsbuildError class usage, with the given position
 */
export function parseTrigger(text: string, position: SourceRange): Exclude<Instruction, FromInstruction> {
  try {
    const [raw, ...others] = parseLines(text, position.file).instructions;
    if (raw === undefined || others.length > 0) reject('ONBUILD_EXPRESSION', 'onbuild trigger should be a single expression');
    const instruction = readStatement({ raw, position });
    if (instruction.kind === 'from') return reject('ONBUILD_TRIGGER', "FROM isn't allowed as an ONBUILD trigger");
    return instruction;
  } catch (error) {
    throw moveTo(error, position);
  }
}

/** Lines inside the trigger mean nothing to the reader of the Dockerfile. */
function moveTo(error: unknown, position: SourceRange): unknown {
  if (!(error instanceof TsbuildError)) return error;
  const { errorClass, code, message, hint, details } = error;
  return new TsbuildError(errorClass, code, message, { ...(hint === undefined ? {} : { hint }), details, position, cause: error.cause });
}

/** Reads one raw instruction of a file, behind another. @throws TsbuildError class usage, with the instruction's position */
export function readInstruction(raw: RawInstruction, file: string, previous?: RawInstruction): Instruction {
  const position = { file, startLine: raw.start, endLine: raw.end };
  try {
    if (!instructionNames.includes(raw.name)) rejectUnknown({ raw, position }, previous);
    return readStatement({ raw, position });
  } catch (error) {
    throw withPosition(error, position);
  }
}

function readStatement(statement: Statement): Instruction {
  switch (statement.raw.name) {
    case 'ADD': return readCopy(statement, 'add');
    case 'ARG': return readArg(statement);
    case 'CMD': return readCommandInstruction(statement, 'cmd');
    case 'COPY': return readCopy(statement, 'copy');
    case 'ENTRYPOINT': return readCommandInstruction(statement, 'entrypoint');
    case 'ENV': return readPairs(statement, 'env');
    case 'EXPOSE': return readExpose(statement);
    case 'FROM': return readFrom(statement);
    case 'HEALTHCHECK': return readHealthcheck(statement);
    case 'LABEL': return readPairs(statement, 'label');
    case 'MAINTAINER': return readWord(statement, 'maintainer');
    case 'ONBUILD': return readOnbuild(statement, parseTrigger);
    case 'RUN': return readRun(statement);
    case 'SHELL': return readShell(statement);
    case 'STOPSIGNAL': return readWord(statement, 'stopsignal');
    case 'USER': return readWord(statement, 'user');
    case 'VOLUME': return readVolume(statement);
    case 'WORKDIR': return readWord(statement, 'workdir');
    default: return rejectUnknown(statement);
  }
}

function rejectUnknown({ raw, position }: Statement, previous?: RawInstruction): never {
  reject('INSTRUCTION_UNKNOWN', `unknown instruction: ${cutBlank(trimSpace(raw.line)).first}`, {
    position,
    hint: brokenLineHint(previous) ?? suggestionHint(raw.name, instructionNames) ?? 'A command needs RUN before it; a line that continues needs the escape character at its end.',
  });
}

/** Where the line before ends as if it went on. Not for `;` and `&`, which may end a command. */
function brokenLineHint(previous: RawInstruction | undefined): string | undefined {
  if (previous === undefined || previous.heredocs.length > 0) return undefined;
  const operator = /(?:&&|\|\|?)$/.exec(trimSpace(previous.line).slice(-2))?.[0];
  return operator === undefined ? undefined : `Line ${previous.end} ends in ${operator}; it needs the escape character at its end to go on here.`;
}

/** Sorts instructions into global ARGs and stages. */
class Sections {
  readonly #file: string;
  readonly #globalArgs: ArgInstruction[] = [];
  readonly #stages: { from: FromInstruction; instructions: Exclude<Instruction, FromInstruction>[] }[] = [];

  constructor(file: string) {
    this.#file = file;
  }

  add(instruction: Instruction): void {
    const stage = this.#stages.at(-1);
    if (instruction.kind === 'from') this.#stages.push({ from: instruction, instructions: [] });
    else if (stage !== undefined) stage.instructions.push(instruction);
    else if (instruction.kind === 'arg') this.#globalArgs.push(instruction);
    else {
      reject('STAGE_MISSING', 'no build stage in current context', {
        position: instruction.position,
        hint: 'Only ARG may stand before the first FROM.',
      });
    }
  }

  finish(): { readonly globalArgs: readonly ArgInstruction[]; readonly stages: readonly Stage[] } {
    if (this.#stages.length === 0) {
      reject('STAGE_MISSING', 'dockerfile contains no stages to build', { position: { file: this.#file, startLine: 1, endLine: 1 }, hint: 'Add a FROM.' });
    }
    const stages = this.#stages.map(({ from, instructions }, index) => ({
      index, from, instructions, ...(from.as === undefined ? {} : { name: from.as }),
    }));
    return { globalArgs: this.#globalArgs, stages };
  }
}
