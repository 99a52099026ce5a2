/**
 * `--call=outline`: what the build of a target can be given — arguments, secrets, SSH agents — and its cache mounts, as
 * BuildKit lists them (frontend/dockerfile/dockerfile2llb/outline.go). No image is asked for. Start at `outlineOf`.
 */
import type { SourceRange } from '../../base/errors.ts';
import type { ArgInstruction, Instruction } from '../../dockerfile/instruction.ts';
import { expandWord } from '../../dockerfile/words.ts';
import { globalArguments } from '../arguments.ts';
import type { EnvList } from '../env-list.ts';
import { planStages } from '../plan.ts';
import type { PlanInput } from '../plan-input.ts';
import { completeStages } from '../silent-images.ts';
import { fromNames } from '../reachable.ts';
import { resolveFrom, resolveStages, resolveTarget, type ResolvedStage } from '../stages.ts';
import { descriptionOf, descriptionsIn } from './doc-comment.ts';
import { readMounts, type MountUse } from './mount-uses.ts';

export type { MountUse } from './mount-uses.ts';

export interface ArgumentUse {
  readonly name: string;
  readonly description: string;
  /** With the build arguments that were given; empty where there is none. */
  readonly value: string;
  readonly position: SourceRange;
}

/** Everything by line, each name once: as the target has it, else the stages that it starts from and copies from. */
export interface Outline {
  readonly name: string | null;
  readonly description: string;
  readonly args: readonly ArgumentUse[];
  readonly mounts: readonly MountUse[];
}

/** An argument and the names of those that its default is made from. */
interface Definition extends ArgumentUse {
  readonly from: Set<string>;
}

/** What one stage defines and uses. */
interface StageUses {
  readonly args: Map<string, Definition>;
  readonly names: Set<string>;
  readonly mounts: MountUse[];
  /** Stages that it starts from and reads from. */
  readonly needs: Set<number>;
}

/** @throws TsbuildError of class `usage` where the target cannot be planned */
export function outlineOf(input: PlanInput): Outline {
  const globals = globalArguments(input);
  const all = resolveStages(input, globals);
  const target = resolveTarget(input, all);
  const { stages, images } = completeStages(input, all, [target]);
  const definitions = globalDefinitions(input, globals);
  const globalNames = new Set(definitions.keys());
  const uses = new Map(stages.map((stage) => [stage.index, startUses(stage, globals, input)]));
  planStages({ input: { ...input, images }, globals, all, stages }, ({ instruction }, { env }, stage) => {
    const own = uses.get(stage.index);
    if (own !== undefined) addInstruction(own, instruction, { input, globals, globalNames, env, all, stage });
  });
  const { args, mounts } = collect(target.index, uses, definitions);
  const description = target.name === null ? '' : descriptionOf(target.name, target.from.comments);
  return { name: target.name, description, args: args.map(({ name, description: text, value, position }) => ({ name, description: text, value, position })), mounts };
}

function usedIn(word: string, env: EnvList, { dockerfile: { escape } }: PlanInput): readonly string[] {
  return expandWord(word, { lookup: (name) => env.get(name), escape }).used;
}

/** A stage uses what its FROM names. */
function startUses({ from, base }: ResolvedStage, globals: EnvList, input: PlanInput): StageUses {
  const names = [...usedIn(from.base, globals, input), ...usedIn(from.platform ?? '', globals, input)];
  return { args: new Map(), names: new Set(names), mounts: [], needs: new Set(base.kind === 'stage' ? [base.index] : []) };
}

interface InstructionContext {
  readonly input: PlanInput;
  readonly globals: EnvList;
  /** Of the ARGs before the first FROM. */
  readonly globalNames: ReadonlySet<string>;
  readonly env: EnvList;
  readonly all: readonly ResolvedStage[];
  readonly stage: ResolvedStage;
}

function addInstruction(uses: StageUses, instruction: Instruction, context: InstructionContext): void {
  const { input, env, all, stage } = context;
  if (instruction.kind === 'arg') addArguments(uses, instruction, context);
  if (instruction.kind === 'run') uses.mounts.push(...readMounts(instruction, env, input.dockerfile.escape));
  for (const name of fromNames(instruction)) {
    const base = resolveFrom(input, all, stage, name, instruction);
    if (base.kind === 'stage') uses.needs.add(base.index);
  }
}

/** An ARG without a default is the global one of its name; the predefined ones are nobody's to give. */
function addArguments(uses: StageUses, instruction: ArgInstruction, { input, globals, globalNames, env }: InstructionContext): void {
  const describe = descriptionsIn(instruction.comments);
  const own = new Map<string, string>();
  for (const { key, value } of instruction.args) {
    uses.names.add(key);
    const given = input.buildArgs.get(key);
    if (value === undefined && (globalNames.has(key) || (given === undefined && globals.get(key) !== undefined))) continue;
    const result = given ?? (value === undefined ? '' : expandWord(value, { lookup: (name) => own.get(name) ?? env.get(name), escape: input.dockerfile.escape }).text);
    own.set(key, result);
    uses.args.set(key, { name: key, description: describe(key), value: result, position: instruction.position, from: new Set() });
  }
}

function globalDefinitions(input: PlanInput, globals: EnvList): ReadonlyMap<string, Definition> {
  const definitions = new Map<string, Definition>();
  for (const instruction of input.dockerfile.globalArgs) {
    const describe = descriptionsIn(instruction.comments);
    for (const { key, value } of instruction.args) {
      const from = value === undefined || input.buildArgs.has(key) ? new Set<string>() : madeFrom(key, usedIn(value, globals, input), definitions);
      definitions.set(key, { name: key, description: describe(key), value: globals.get(key) ?? '', position: instruction.position, from });
    }
  }
  return definitions;
}

/**
 * What a default is made from; one made from an earlier ARG of its own name is made from what that one was, too. It takes
 * over that one's set: nobody asks for it again.
 */
function madeFrom(key: string, used: readonly string[], earlier: ReadonlyMap<string, Definition>): Set<string> {
  const from = (used.includes(key) ? earlier.get(key)?.from : undefined) ?? new Set<string>();
  for (const name of used) if (name !== key) from.add(name);
  return from;
}

/** The target first, then what it needs: the first definition of a name is taken. */
function collect(target: number, uses: ReadonlyMap<number, StageUses>, globalArgs: ReadonlyMap<string, Definition>): { args: readonly Definition[]; mounts: readonly MountUse[] } {
  const args = new Map<string, Definition>();
  const mounts = new Map<string, MountUse>();
  const waiting = [target];
  const seen = new Set(waiting);
  for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
    const stage = uses.get(index);
    if (stage === undefined) continue;
    addDefinitions(stage, globalArgs, args);
    for (const mount of stage.mounts) {
      const key = JSON.stringify([mount.kind, mount.id]);
      if (!mounts.has(key)) mounts.set(key, mount);
    }
    for (const needed of stage.needs) {
      if (!seen.has(needed)) waiting.push(needed);
      seen.add(needed);
    }
  }
  return { args: byLine([...args.values()]), mounts: byLine([...mounts.values()]) };
}

function addDefinitions(stage: StageUses, globalArgs: ReadonlyMap<string, Definition>, args: Map<string, Definition>): void {
  const names = new Set(stage.names);
  for (const name of names) { // grows while it is walked
    const definition = stage.args.get(name) ?? globalArgs.get(name);
    if (definition === undefined) continue;
    if (!args.has(name)) args.set(name, definition);
    for (const other of definition.from) names.add(other);
  }
}

function byLine<Item extends { readonly position: SourceRange }>(items: readonly Item[]): readonly Item[] {
  return items.toSorted((a, b) => a.position.startLine - b.position.startLine);
}
