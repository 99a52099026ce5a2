/** Rules that compare the instructions of a whole file (BuildKit dockerfile2llb/validations.go). */
import type { Instruction, ParseWarning, Stage } from '../../dockerfile/instruction.ts';
import { goQuote } from '../go-format.ts';
import { keywordOf } from './as-written.ts';
import type { Findings } from './findings.ts';

/** DuplicateStageName, ReservedStageName. */
export function checkStageNames(stages: readonly Stage[], findings: Findings): void {
  const seen = new Set<string>();
  for (const { name, from } of stages) {
    if (name === undefined) continue;
    if (name === 'context' || name === 'scratch') {
      findings.report('ReservedStageName', `Stage name should not use the same name as reserved stage ${goQuote(name)}`, from);
    }
    if (seen.has(name)) findings.report('DuplicateStageName', `Duplicate stage name ${goQuote(name)}, stage names should be unique`, from);
    seen.add(name);
  }
}

/** ConsistentInstructionCasing: the majority decides, upper case where there is none. ARGs before FROM have no vote. */
export function checkInstructionCasing(stages: readonly Stage[], findings: Findings): void {
  const all = stages.flatMap(({ from, instructions }): Instruction[] => [from, ...instructions]);
  const keywords = all.map(keywordOf);
  const lowerCount = keywords.filter((keyword) => keyword === keyword.toLowerCase()).length;
  const upperCount = keywords.filter((keyword) => keyword === keyword.toUpperCase()).length;
  const wanted = lowerCount > upperCount ? 'lowercase' : 'uppercase';
  for (const instruction of all) {
    const keyword = keywordOf(instruction);
    const right = wanted === 'lowercase' ? keyword.toLowerCase() : keyword.toUpperCase();
    if (keyword !== right) {
      findings.report('ConsistentInstructionCasing', `Command '${keyword}' should match the case of the command majority (${wanted})`, instruction);
    }
  }
}

/** NoEmptyContinuation, which the parser finds. */
export function checkContinuations(warnings: readonly ParseWarning[], instructions: readonly Instruction[], findings: Findings): void {
  let at = 0; // both lists are in the order of the file
  for (const { code, position } of warnings) {
    if (code !== 'NoEmptyContinuation') continue;
    while ((instructions[at]?.position.endLine ?? Infinity) < position.startLine) at += 1;
    findings.report('NoEmptyContinuation', 'Empty continuation line', { position, comments: instructions[at]?.comments ?? [] });
  }
}
