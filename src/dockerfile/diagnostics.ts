/**
 * Columns: where keywords, flags and words stand in their lines, from the package dockerfile-ast, for editors and
 * `tsbuild check`. It decides nothing: dockerfile-ast loses instructions (DEPENDENCIES.md, section 2), so an instruction
 * that it does not see has no columns. Start at `findColumns`.
 */
import { DockerfileParser, type Instruction } from 'dockerfile-ast';

/** A range in the file; lines and columns count from 1, columns in UTF-16 units, `endColumn` is exclusive. */
export interface ColumnRange {
  readonly startLine: number;
  readonly startColumn: number;
  readonly endLine: number;
  readonly endColumn: number;
}

/** A piece of an instruction and where it stands. */
export interface LocatedText extends ColumnRange {
  readonly text: string;
}

/** What dockerfile-ast sees of one instruction. */
export interface InstructionColumns {
  readonly range: ColumnRange;
  readonly keyword: LocatedText;
  /** Flags and operands, in order, without quotes where dockerfile-ast drops them. */
  readonly words: readonly LocatedText[];
  readonly variables: readonly LocatedText[];
}

/** Larger files get no columns: dockerfile-ast takes milliseconds for each line. */
export const columnsTextSizeMax = 256 * 1024;

/** The instructions that dockerfile-ast sees, in order. Empty where it fails. Never calls what can loop in it. */
export function findColumns(text: string): readonly InstructionColumns[] {
  if (text.length > columnsTextSizeMax) return [];
  try {
    return DockerfileParser.parse(text).getInstructions().map(readColumns);
  } catch {
    return [];
  }
}

/** The columns of the instruction that starts at the line, if dockerfile-ast sees one there. */
export function findColumnsAt(text: string, startLine: number): InstructionColumns | undefined {
  return findColumns(text).find(({ keyword }) => keyword.startLine === startLine);
}

type AstRange = ReturnType<Instruction['getRange']>;

function readColumns(instruction: Instruction): InstructionColumns {
  return {
    range: toRange(instruction.getRange()),
    keyword: { text: instruction.getInstruction(), ...toRange(instruction.getInstructionRange()) },
    words: instruction.getArguments().map((word) => ({ text: word.getValue(), ...toRange(word.getRange()) })),
    variables: instruction.getVariables().map((variable) => ({ text: variable.getName(), ...toRange(variable.getRange()) })),
  };
}

function toRange({ start, end }: AstRange): ColumnRange {
  return { startLine: start.line + 1, startColumn: start.character + 1, endLine: end.line + 1, endColumn: end.character + 1 };
}
