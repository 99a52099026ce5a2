/**
 * Matches Go's regular expressions by carrying the set of places reached in the program through the text (Thompson 1968),
 * so that no expression makes it slow. Only patterns of `.dockerignore` that mean something as expressions that they do not
 * mean as patterns come here (`ignore-pattern.ts`). Start at `compileGoRegexp`.
 */
import { edge, GoRegexpError, parseGoRegexp, type CharTest, type RegexpNode } from './go-regexp-syntax.ts';

/** One instruction of the program; numbers are those of instructions to go on with. */
type Instruction =
  | { readonly kind: 'char'; readonly test: CharTest; readonly next: number }
  | { readonly kind: 'assertion'; readonly holds: (before: number, after: number) => boolean; readonly next: number }
  | { readonly kind: 'either'; readonly next: readonly number[] }
  | { readonly kind: 'match' };

/** Instructions that a pattern may become: its repetitions are written out. */
const instructionCountMax = 10_000;

/**
 * Whether a text has a match somewhere in it (Go's MatchString).
 * @throws GoRegexpError
 */
export function compileGoRegexp(expression: string): (text: string) => boolean {
  const program: Instruction[] = [{ kind: 'match' }];
  const start = write(program, parseGoRegexp(expression), 0);
  return (text) => isMatch(program, start, Array.from(text, (char) => char.codePointAt(0) ?? 0));
}

/** Writes a node, last part first, and returns where it begins; `next` comes behind it. */
function write(program: Instruction[], node: RegexpNode, next: number): number {
  switch (node.kind) {
    case 'char':
    case 'assertion':
      return add(program, { ...node, next });
    case 'sequence':
      return node.nodes.reduceRight((behind, part) => write(program, part, behind), next);
    case 'choice':
      return add(program, { kind: 'either', next: node.nodes.map((part) => write(program, part, next)) });
    case 'repeat':
      return writeRepeat(program, node, next);
  }
}

function writeRepeat(program: Instruction[], { node, min, max }: Extract<RegexpNode, { readonly kind: 'repeat' }>, next: number): number {
  let start = next;
  if (max === null) {
    // The loop's own number is known before what it repeats is written.
    const ends = [next];
    start = add(program, { kind: 'either', next: ends });
    ends.push(write(program, node, start));
  }
  for (let count = min; count < (max ?? min); count++) start = add(program, { kind: 'either', next: [next, write(program, node, start)] });
  for (let count = 0; count < min; count++) start = write(program, node, start);
  return start;
}

function add(program: Instruction[], instruction: Instruction): number {
  if (program.length >= instructionCountMax) throw new GoRegexpError('expression too large');
  return program.push(instruction) - 1;
}

function isMatch(program: readonly Instruction[], start: number, codes: readonly number[]): boolean {
  /** For each instruction the step, counted from 1, at which it was reached last. */
  const reachedAt = new Uint32Array(program.length);
  let current: number[] = [];
  for (let at = 0; at <= codes.length; at++) {
    const before = codes[at - 1] ?? edge;
    const after = codes[at] ?? edge;
    current.push(start);
    const next: number[] = [];
    // What is reached without taking a character joins those that are looked at.
    for (let index = current.pop(); index !== undefined; index = current.pop()) {
      if (reachedAt[index] === at + 1) continue;
      reachedAt[index] = at + 1;
      const instruction = program[index];
      if (instruction === undefined || instruction.kind === 'match') return true;
      if (instruction.kind === 'either') current.push(...instruction.next);
      else if (instruction.kind === 'assertion' ? instruction.holds(before, after) : after !== edge && instruction.test(after)) {
        (instruction.kind === 'assertion' ? current : next).push(instruction.next);
      }
    }
    current = next;
  }
  return false;
}
