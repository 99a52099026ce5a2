/**
 * Who needs whom: the stages that a target reaches, with the triggers of their bases, and the stages that need themselves
 * (SEMANTICS A6, 44, 45 and 49). Start at `collectReachable`.
 */
import { TsbuildError, type SourceRange } from '../base/errors.ts';
import type { Instruction } from '../dockerfile/instruction.ts';
import { mountFrom } from '../dockerfile/mount.ts';
import { parseTrigger } from '../dockerfile/parse.ts';
import type { ImageRequest, PlanInput } from './plan-input.ts';
import { findFrom, resolveFrom, type Base, type ResolvedStage, type StageInstruction } from './stages.ts';

/** What an instruction reads besides its own stage, as `--from` names. */
export function fromNames(instruction: Instruction): readonly string[] {
  if (instruction.kind === 'copy') return instruction.from === undefined ? [] : [instruction.from];
  if (instruction.kind !== 'run') return [];
  return instruction.mounts.flatMap((mount) => mountFrom(mount) ?? []);
}

export interface Reachable {
  /** In the order of the file, each with the triggers of its base in front. */
  readonly stages: readonly ResolvedStage[];
  /** References that must be resolved before planning can go on. */
  readonly requests: readonly ImageRequest[];
}

/**
 * Walks from the targets to everything that they need, ONBUILD triggers included.
 * @throws TsbuildError for a `--from` that means nothing, or a trigger that cannot be read
 */
export function collectReachable(input: PlanInput, stages: readonly ResolvedStage[], targets: readonly ResolvedStage[]): Reachable {
  const complete = new CompleteInstructions(input, stages);
  const reached = new Set(targets.map(({ index }) => index));
  const requests = new Map<string, ImageRequest>();
  const visit = (base: Base, position: SourceRange): void => {
    if (base.kind === 'stage') reached.add(base.index);
    else if (base.kind === 'image' && !input.images.has(base.key) && !requests.has(base.key)) {
      const { key, reference, platform } = base;
      requests.set(key, { key, reference, platform, position });
    }
  };
  for (const index of reached) { // grows while it is walked
    const stage = stages[index];
    if (stage === undefined) continue;
    visit(stage.base, stage.from.position);
    for (const { instruction } of complete.of(stage)) {
      for (const name of fromNames(instruction)) visit(resolveFrom(input, stages, stage, name, instruction), instruction.position);
    }
  }
  const ordered = [...reached].sort((a, b) => a - b).flatMap((index) => stages[index] ?? []);
  return { stages: ordered.map((stage) => ({ ...stage, instructions: complete.of(stage) })), requests: [...requests.values()] };
}

/** The triggers of all stages together: each FROM of a base that has some runs all of them. */
export const triggerCountMax = 100_000;

/** The instructions of stages with the triggers of their bases, each read once. */
class CompleteInstructions {
  readonly #input: PlanInput;
  readonly #stages: readonly ResolvedStage[];
  readonly #known = new Map<number, readonly StageInstruction[]>();
  #triggerCount = 0;

  constructor(input: PlanInput, stages: readonly ResolvedStage[]) {
    this.#input = input;
    this.#stages = stages;
  }

  of(stage: ResolvedStage): readonly StageInstruction[] {
    const chain: ResolvedStage[] = [];
    for (let next: ResolvedStage | undefined = stage; next !== undefined && !this.#known.has(next.index);) {
      chain.push(next);
      next = next.base.kind === 'stage' ? this.#stages[next.base.index] : undefined;
    }
    for (const link of chain.toReversed()) this.#known.set(link.index, [...this.#triggersOf(link), ...link.instructions]);
    return this.#known.get(stage.index) ?? [];
  }

  #triggersOf({ base, isReplaced, from }: ResolvedStage): readonly StageInstruction[] {
    if (isReplaced) return [];
    const texts = base.kind === 'stage' ? this.#textsOfStage(base.index) : base.kind === 'image' ? (this.#input.images.get(base.key)?.config.config?.OnBuild ?? []) : [];
    this.#triggerCount += texts.length;
    if (this.#triggerCount > triggerCountMax) {
      throw new TsbuildError('usage', 'PLAN_TOO_LARGE', `planning: the stages of this file run more than ${triggerCountMax} ONBUILD triggers`, {
        position: from.position,
        hint: 'Start fewer stages from a base that has triggers.',
      });
    }
    return texts.map((text) => ({ instruction: parseTrigger(text, from.position), isTrigger: true }));
  }

  #textsOfStage(index: number): readonly string[] {
    return (this.#known.get(index) ?? []).flatMap(({ instruction }) => (instruction.kind === 'onbuild' ? [instruction.expression] : []));
  }
}

interface Edge {
  readonly to: number;
  readonly position: SourceRange;
}

/**
 * Checks what every stage of the file reads, also those that nobody needs (BuildKit dockerfile2llb/convert.go,
 * buildStageDependencyGraph).
 * @throws TsbuildError for a `--from` that means nothing; `STAGE_CYCLE` for stages that read each other
 */
export function checkStageReferences(input: PlanInput, stages: readonly ResolvedStage[]): void {
  const edges = stages.map((stage) => edgesOf(input, stages, stage));
  const done = new Set<number>();
  for (const { index } of stages) {
    if (!done.has(index)) findCycle(index, { stages, edges, done });
  }
}

function edgesOf(input: PlanInput, stages: readonly ResolvedStage[], stage: ResolvedStage): readonly Edge[] {
  return stage.instructions.flatMap(({ instruction }) => {
    const { position } = instruction;
    const bases = fromNames(instruction).map((name) => findFrom(input, stages, stage, name, instruction));
    return bases.flatMap((base) => (base.kind === 'stage' ? [{ to: base.index, position }] : []));
  });
}

interface CycleSearch {
  readonly stages: readonly ResolvedStage[];
  readonly edges: readonly (readonly Edge[])[];
  /** Stages from which no cycle is reached. */
  readonly done: Set<number>;
}

/** Depth first, with a stack of its own: a file may have as many stages as lines. */
function findCycle(start: number, { stages, edges, done }: CycleSearch): void {
  const path = new Set([start]);
  const stack = [{ index: start, waiting: [...(edges[start] ?? [])] }];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const edge = top.waiting.shift();
    if (edge === undefined) {
      done.add(top.index);
      path.delete(top.index);
      stack.pop();
    } else if (path.has(edge.to)) {
      throw cycleError([...path], edge, stages);
    } else if (!done.has(edge.to)) {
      path.add(edge.to);
      stack.push({ index: edge.to, waiting: [...(edges[edge.to] ?? [])] });
    }
  }
}

function cycleError(path: readonly number[], { to, position }: Edge, stages: readonly ResolvedStage[]): TsbuildError {
  const names = [...path.slice(path.indexOf(to)), to].map((index) => stages[index]?.name ?? `stage-${index}`);
  return new TsbuildError('usage', 'STAGE_CYCLE', `circular dependency detected on stage: ${names[0]} (${names.join(' reads ')})`, {
    position,
    hint: 'A stage can only read stages that stand before it.',
  });
}
