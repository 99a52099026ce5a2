/**
 * UndefinedVar: which variables an instruction's words ask for that nobody sets (BuildKit dockerfile2llb/convert.go,
 * dispatch, and the `Expand` methods in instructions/commands.go). Start at `checkVariables`.
 */
import type { ArgInstruction, Instruction } from '../../dockerfile/instruction.ts';
import { parseMount } from '../../dockerfile/mount.ts';
import { suggest, type ComparisonBudget } from '../../dockerfile/suggest.ts';
import { expandHeredoc, expandWord } from '../../dockerfile/words.ts';
import { nonEnvironmentArgs } from '../arguments.ts';
import type { EnvList } from '../env-list.ts';
import { positioned, type Scope } from '../expand.ts';
import { valueOfArg } from '../metadata-instructions.ts';
import type { PlanInput } from '../plan-input.ts';
import type { StageState } from '../stage-state.ts';
import type { Findings } from './findings.ts';

/** A wrong name is compared with those that were set last: so many settings are looked at. */
const comparedMax = 200;

/** What surrounds the instruction. */
export interface VariableContext {
  readonly input: PlanInput;
  readonly globals: EnvList;
  readonly state: StageState;
  /** Whether a variable may come from a base image that is not known. */
  readonly mayBeInherited: (name: string, near: string | undefined) => boolean;
  /** For all wrong names of the file together. */
  readonly comparisons: ComparisonBudget;
}

/** @throws TsbuildError where a word cannot be read, as planning it would */
export function checkVariables(instruction: Instruction, context: VariableContext, findings: Findings): void {
  if (instruction.kind === 'arg') return checkArgDefaults(instruction, context, findings);
  positioned(instruction.position, () => {
    for (const name of unsetNames(instruction, context)) reportUnset(name, instruction, context, findings);
  });
}

function reportUnset(
  name: string,
  instruction: Instruction,
  { state, mayBeInherited, comparisons }: VariableContext,
  findings: Findings,
  ownNames: readonly string[] = [],
): void {
  // An ARG without a value is declared; it is not in the environment.
  if (nonEnvironmentArgs.has(name) || state.buildArgs.has(name)) return;
  const near = suggest(name, [...state.env.latestNames(comparedMax), ...ownNames.slice(-comparedMax)], comparisons);
  if (mayBeInherited(name, near)) return;
  findings.report('UndefinedVar', `Usage of undefined variable '$${name}'${near === undefined ? '' : ` (did you mean $${near}?)`}`, instruction);
}

/**
 * Each default sees the ARGs before it, also those of its own line. They are kept beside the state: to make the next one
 * from it twice, here and in the plan, would copy all that it has.
 */
function checkArgDefaults(instruction: ArgInstruction, context: VariableContext, findings: Findings): void {
  const { input, state } = context;
  const own = new Map<string, string | null>();
  const ownNames: string[] = [];
  const env: Scope = { get: (name) => own.get(name) ?? state.env.get(name) };
  for (const { key, value } of instruction.args) {
    if (value !== undefined && !input.buildArgs.has(key)) {
      for (const name of unsetIn([value], env, input)) {
        if (!own.has(name)) reportUnset(name, instruction, context, findings, ownNames);
      }
    }
    const result = nonEnvironmentArgs.has(key) ? null : valueOfArg({ key, value }, env, instruction, context);
    own.set(key, result);
    if (result !== null) ownNames.push(key);
  }
}

function unsetIn(words: readonly string[], env: Scope, { dockerfile: { escape } }: PlanInput): readonly string[] {
  return words.flatMap((word) => expandWord(word, { lookup: (name) => env.get(name), escape }).unset);
}

function unsetNames(instruction: Instruction, { input, state: { env } }: VariableContext): readonly string[] {
  const lookup = (name: string): string | undefined => env.get(name);
  if (instruction.kind === 'run') return unsetInMounts(instruction.mounts, env, input);
  const words = unsetIn(wordsOf(instruction), env, input);
  if (instruction.kind !== 'copy' && instruction.kind !== 'add') return words;
  const bodies = instruction.heredocs.filter(({ expand }) => expand);
  return [...words, ...bodies.flatMap(({ content }) => expandHeredoc(content, { lookup }).unset)];
}

/** RUN's command is the shell's to expand; its mounts are ours. */
function unsetInMounts(mounts: readonly string[], env: EnvList, { dockerfile: { escape } }: PlanInput): readonly string[] {
  const found: string[] = [];
  for (const mount of mounts) {
    parseMount(mount, (value) => {
      const { text, unset } = expandWord(value, { lookup: (name) => env.get(name), escape });
      found.push(...unset);
      return text;
    });
  }
  return found;
}

/** The words in which variables are substituted, but for EXPOSE, where BuildKit does not look. */
function wordsOf(instruction: Instruction): readonly string[] {
  switch (instruction.kind) {
    case 'env': case 'label':
      return instruction.pairs.flatMap(({ key, value }) => [key, value]);
    case 'copy': case 'add': {
      const { chown = '', chmod = '', checksum = '', sources, destination, excludes } = instruction;
      return [chown, chmod, checksum, ...sources, destination, ...excludes];
    }
    case 'workdir': case 'user': case 'stopsignal':
      return [instruction.value];
    case 'volume':
      return instruction.values;
    default:
      return [];
  }
}
