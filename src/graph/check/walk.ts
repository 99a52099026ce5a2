/** The walk over the stages: each instruction is shown to the rules with the state that it starts from, and then planned. */
import { invariant } from '../../base/errors.ts';
import { comparisonsMax } from '../../dockerfile/suggest.ts';
import type { EnvList } from '../env-list.ts';
import { planStages, type InstructionVisitor } from '../plan.ts';
import type { PlanInput } from '../plan-input.ts';
import { completeStages } from '../silent-images.ts';
import { resolveStages, resolveTarget, type ResolvedStage } from '../stages.ts';
import { checkBasePlatforms } from './base-platform.ts';
import type { CheckInput } from './check-input.ts';
import { IgnoredSources } from './copy-ignored-file.ts';
import type { Findings } from './findings.ts';
import { checkInStage, type StageMemory } from './in-stage.ts';
import { declaredNames, globalNames, mayComeFromImage } from './inherited.ts';
import { checkVariables } from './variables.ts';

/** @throws TsbuildError where the file cannot be planned; what was found until then is in `findings` */
export function checkStages(input: PlanInput & CheckInput, globals: EnvList, findings: Findings): void {
  const all = resolveStages(input, globals);
  const target = resolveTarget(input, all);
  const wanted = input.allStages && (input.target === null || input.target === '') ? all : [target];
  const { stages, images } = completeStages(input, all, wanted);
  checkBasePlatforms(stages, all, input, findings);
  planStages({ input: { ...input, images }, globals, all, stages }, createVisitor({ input, globals, stages, findings }));
}

interface Walk {
  readonly input: PlanInput & CheckInput;
  readonly globals: EnvList;
  readonly stages: readonly ResolvedStage[];
  readonly findings: Findings;
}

function createVisitor({ input, globals, stages, findings }: Walk): InstructionVisitor {
  const memories = new StageMemories(input, stages);
  const declaredBefore = globalNames(input.dockerfile);
  const ignored = input.ignored === null ? null : new IgnoredSources(input.ignored);
  const comparisons = { left: comparisonsMax };
  return ({ instruction }, state, stage) => {
    const memory = memories.of(stage);
    const isDeclared = (name: string): boolean => declaredBefore.has(name) || memory.declared.has(name);
    const mayBeInherited = (name: string, near: string | undefined): boolean => memory.hasUnknownBase && mayComeFromImage(name, near, isDeclared(name));
    checkVariables(instruction, { input, globals, state, mayBeInherited, comparisons }, findings);
    checkInStage(instruction, { input, state, memory, ignored }, findings);
  };
}

/** What is remembered of each stage; stages without instructions hand on what they inherit. */
class StageMemories {
  readonly #memories = new Map<number, StageMemory>();
  readonly #input: PlanInput;
  readonly #stages: readonly ResolvedStage[];
  #started = 0;

  /** @param stages in the order in which they are walked: a stage comes after the one that it starts from */
  constructor(input: PlanInput, stages: readonly ResolvedStage[]) {
    this.#input = input;
    this.#stages = stages;
  }

  /** The walk has left all stages before this one. */
  of({ index }: ResolvedStage): StageMemory {
    for (let stage = this.#stages[this.#started]; stage !== undefined && stage.index <= index; stage = this.#stages[this.#started]) {
      this.#memories.set(stage.index, this.#start(stage));
      this.#started += 1;
    }
    const memory = this.#memories.get(index);
    invariant(memory !== undefined, `stage ${index} is not among those that are walked`);
    return memory;
  }

  #start(stage: ResolvedStage): StageMemory {
    const { base } = stage;
    const parent = base.kind === 'stage' ? this.#memories.get(base.index) : undefined;
    return {
      workdirIsSet: parent?.workdirIsSet ?? false,
      hasUnknownBase: base.kind === 'image' ? !this.#input.images.has(base.key) : (parent?.hasUnknownBase ?? false),
      declared: declaredNames(stage),
      last: new Map(),
    };
  }
}
