/**
 * Build checks: the 22 rules of BuildKit's linter, over the parsed file and over its stages with variables substituted.
 * It reads no file and resolves no image; the ignore rules and the images that are known come in.
 * Start at `checkDockerfile`; the rules are in the files beside this one, their names in `rules.ts`.
 */
import { TsbuildError } from '../../base/errors.ts';
import type { Dockerfile, Instruction } from '../../dockerfile/instruction.ts';
import type { ParseAttempt } from '../../dockerfile/parse.ts';
import { globalArguments } from '../arguments.ts';
import type { PlanInput } from '../plan-input.ts';
import { checkAsWritten } from './as-written.ts';
import type { CheckInput } from './check-input.ts';
import { Findings, type Finding } from './findings.ts';
import { checkDefaultBases, checkFromLines } from './from-lines.ts';
import { checkOptionsOf } from './options.ts';
import { checkStages } from './walk.ts';
import { checkContinuations, checkInstructionCasing, checkStageNames } from './whole-file.ts';

export type { CheckInput } from './check-input.ts';
export type { IgnoredPaths } from './copy-ignored-file.ts';
export type { Finding } from './findings.ts';

export interface CheckResult {
  /** By line. */
  readonly findings: readonly Finding[];
  /** Why the file cannot be built, if it cannot; what stands behind the mistake was not checked. */
  readonly error: TsbuildError | null;
  /** `error=true`: with findings there is no build. */
  readonly isStrict: boolean;
}

/**
 * Checks a file that may have a mistake in it.
 * @throws TsbuildError `CHECK_OPTION` alone
 */
export function checkDockerfile(file: ParseAttempt, input: CheckInput): CheckResult {
  const options = checkOptionsOf(file, input.buildArgs);
  const findings = new Findings(options);
  checkContinuations(file.warnings, file.instructions, findings);
  for (const instruction of file.instructions) checkAsWritten(instruction, findings);
  const error = file.error ?? checkMeaning({ ...input, dockerfile: file.dockerfile }, findings);
  return { findings: findings.list(), error, isStrict: options.error };
}

/** A file without a mistake, as a build has it. */
export function attemptOf(dockerfile: Dockerfile): ParseAttempt {
  const instructions = dockerfile.stages.flatMap(({ from, instructions: others }): Instruction[] => [from, ...others]);
  return { ...dockerfile, instructions: [...dockerfile.globalArgs, ...instructions], dockerfile, error: null };
}

/** The error of a build whose file wants none with findings; null for no findings. */
export function findingsError(findings: readonly Finding[]): TsbuildError | null {
  const [first] = findings;
  if (first === undefined) return null;
  const names = [...new Set(findings.map(({ rule }) => rule))].sort();
  return new TsbuildError('usage', 'CHECK_FAILED', `lint violation found for rules: ${names.join(', ')}`, {
    position: first.position,
    hint: 'Mend what the warnings name, or switch a rule off with a comment above the instruction: # check=skip=RULE.',
    details: { rules: names },
  });
}

function checkMeaning(input: PlanInput & CheckInput, findings: Findings): TsbuildError | null {
  const { dockerfile } = input;
  checkStageNames(dockerfile.stages, findings);
  checkInstructionCasing(dockerfile.stages, findings);
  checkDefaultBases(input, findings);
  try {
    const globals = globalArguments(input);
    checkFromLines(input, globals, findings);
    checkStages(input, globals, findings);
    return null;
  } catch (error) {
    if (error instanceof TsbuildError && error.errorClass === 'usage') return error;
    throw error;
  }
}
