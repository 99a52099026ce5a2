/**
 * Stages: what each FROM stands for, who needs whom, and which of them the target reaches (SEMANTICS A6, 43 to 50).
 * Nothing is dispatched here; `stage-state.ts` does that.
 */
import { TsbuildError, withPosition, type SourceRange } from '../base/errors.ts';
import type { FromInstruction, Instruction } from '../dockerfile/instruction.ts';
import { mountFrom } from '../dockerfile/mount.ts';
import { parseTrigger } from '../dockerfile/parse.ts';
import { suggestionHint } from '../dockerfile/suggest.ts';
import type { Platform } from '../image/config.ts';
import { formatPlatform, parsePlatform } from '../image/platform.ts';
import { familiarName, isReference, parseReference } from '../image/reference.ts';
import type { EnvList } from './env-list.ts';
import { expand } from './expand.ts';
import type { ImageRequest, PlanInput } from './plan-input.ts';

/** What a stage starts from, or what `--from` names. */
export type Base =
  | { readonly kind: 'scratch' }
  | { readonly kind: 'stage'; readonly index: number }
  | { readonly kind: 'image'; readonly reference: string; readonly key: string; readonly platform: Platform }
  | { readonly kind: 'context'; readonly name: string };

export interface StageInstruction {
  readonly instruction: Exclude<Instruction, FromInstruction>;
  readonly isTrigger: boolean;
}

export interface ResolvedStage {
  readonly index: number;
  /** Lower-case name, or null. */
  readonly name: string | null;
  /** For progress; empty when the file has one stage. */
  readonly label: string;
  readonly base: Base;
  /** A named context stands for the stage: neither its instructions nor the triggers of its base are run (SEMANTICS A6, 47). */
  readonly isReplaced: boolean;
  readonly platform: Platform;
  readonly from: FromInstruction;
  /** The stage's own instructions; triggers of its base come before them once the base is known. */
  readonly instructions: readonly StageInstruction[];
}

/** The form under which named contexts are compared: `docker.io/library/busybox:latest` is `busybox`. */
export function contextName(name: string): string {
  return isReference(name) ? familiarName(parseReference(name)).replace(/:latest$/, '') : name;
}

/** Reads all FROM lines. */
export function resolveStages(input: PlanInput, args: EnvList): readonly ResolvedStage[] {
  const stages: ResolvedStage[] = [];
  for (const stage of input.dockerfile.stages) {
    const { from } = stage;
    const name = stage.name ?? null;
    const platform = resolvePlatform(input, args, from);
    const shadow = name === null ? null : namedContext(input, name, platform);
    stages.push({
      index: stage.index,
      name,
      label: labelOf(input, stage.index, name),
      base: shadow ?? resolveBase(input, args, from, platform, stages),
      isReplaced: shadow !== null,
      platform,
      from,
      instructions: shadow === null ? stage.instructions.map((instruction) => ({ instruction, isTrigger: false })) : [],
    });
  }
  return stages;
}

function labelOf(input: PlanInput, index: number, name: string | null): string {
  if (input.dockerfile.stages.length === 1) return '';
  return name ?? `stage-${index}`;
}

function resolvePlatform(input: PlanInput, args: EnvList, from: FromInstruction): Platform {
  if (from.platform === undefined) return input.targetPlatform;
  const text = expand(from.platform, args, input.dockerfile, from.position);
  if (text === '') {
    throw new TsbuildError('usage', 'PLATFORM_EMPTY', `FROM --platform=${from.platform}: empty platform value`, { position: from.position });
  }
  try {
    return parsePlatform(text, input.buildPlatform);
  } catch (error) {
    throw withPosition(error, from.position);
  }
}

function resolveBase(
  input: PlanInput,
  args: EnvList,
  from: FromInstruction,
  platform: Platform,
  earlier: readonly ResolvedStage[],
): Base {
  const base = expand(from.base, args, input.dockerfile, from.position);
  if (base === '') {
    throw new TsbuildError('usage', 'BASE_NAME_BLANK', `FROM ${from.base}: base name should not be blank`, {
      position: from.position,
      hint: 'Give the ARG a default before the first FROM, or pass it with --build-arg.',
    });
  }
  const stage = earlier.findLast((candidate) => candidate.name === base.toLowerCase());
  if (stage !== undefined) return { kind: 'stage', index: stage.index };
  return externalBase(input, base, platform, from.position);
}

function namedContext(input: PlanInput, name: string, platform: Platform): Base | null {
  if (/^(scratch|context)$/i.test(name)) return null;
  const normalised = contextName(name);
  const kind = input.namedContexts.get(normalised);
  if (kind === undefined) return null;
  return kind === 'directory' ? { kind: 'context', name: normalised } : imageBase(normalised, platform);
}

function imageBase(reference: string, platform: Platform): Base {
  return { kind: 'image', reference, key: `${reference} ${formatPlatform(platform)}`, platform };
}

function externalBase(input: PlanInput, name: string, platform: Platform, position: SourceRange): Base {
  if (name === 'scratch') return { kind: 'scratch' };
  const shadow = namedContext(input, name, platform);
  if (shadow !== null) return shadow;
  try {
    parseReference(name);
  } catch (error) {
    throw withPosition(error, position);
  }
  return imageBase(name, platform);
}

/** What `--from=NAME` means inside the given stage: a number, a stage's name, a named context or an image. */
export function resolveFrom(input: PlanInput, stages: readonly ResolvedStage[], current: ResolvedStage, name: string, position: SourceRange): Base {
  if (name.includes('$')) {
    throw new TsbuildError('usage', 'FROM_EXPANSION', `--from=${name}: variable expansion is not supported for --from`, {
      position,
      hint: 'Define a new stage with FROM using ARG from global scope as a workaround.',
    });
  }
  const index = /^\d+$/.test(name) ? Number(name) : stages.findLast((stage) => stage.name === name.toLowerCase())?.index;
  if (index === undefined) return externalBase(input, name, input.targetPlatform, position);
  if (index >= stages.length) {
    throw new TsbuildError('usage', 'STAGE_INDEX_INVALID', `--from=${name}: invalid stage index ${index}`, { position });
  }
  if (index >= current.index) {
    const self = index === current.index ? ' (it is the current stage)' : '';
    throw new TsbuildError('usage', 'STAGE_NOT_DEFINED', `cannot copy from stage ${JSON.stringify(name)}, it needs to be defined before current stage ${JSON.stringify(current.label)}${self}`, { position });
  }
  return { kind: 'stage', index };
}

/** The stage to build: the last one, or the one that `--target` names. */
export function resolveTarget(input: PlanInput, stages: readonly ResolvedStage[]): ResolvedStage {
  const last = stages.at(-1);
  if (last === undefined) {
    throw new TsbuildError('usage', 'NO_STAGES', `${input.dockerfile.file}: dockerfile contains no stages to build`);
  }
  if (input.target === null || input.target === '') return last;
  const wanted = input.target.toLowerCase();
  const byIndex = /^\d+$/.test(wanted) ? stages[Number(wanted)] : undefined;
  const found = stages.findLast((stage) => stage.name === wanted) ?? byIndex;
  if (found !== undefined) return found;
  const names = stages.flatMap((stage) => (stage.name === null ? [] : [stage.name]));
  throw new TsbuildError('usage', 'TARGET_NOT_FOUND', `target stage ${JSON.stringify(input.target)} could not be found in ${input.dockerfile.file}`, {
    hint: suggestionHint(wanted, names) ?? `Stages with a name: ${names.join(', ') || 'none'}.`,
    position: last.from.position,
  });
}

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

/** Walks from the target to everything that it needs, ONBUILD triggers included. */
export function collectReachable(input: PlanInput, stages: readonly ResolvedStage[], target: ResolvedStage): Reachable {
  const reached = new Map<number, ResolvedStage>();
  const requests = new Map<string, ImageRequest>();
  const visitBase = (base: Base, position: SourceRange): void => {
    if (base.kind === 'stage') visitStage(base.index);
    else if (base.kind === 'image' && !input.images.has(base.key) && !requests.has(base.key)) {
      const { key, reference, platform } = base;
      requests.set(key, { key, reference, platform, position });
    }
  };
  const visitStage = (index: number): void => {
    const stage = stages[index];
    if (stage === undefined || reached.has(index)) return;
    reached.set(index, stage);
    visitBase(stage.base, stage.from.position);
    const complete = { ...stage, instructions: [...triggersOf(input, stages, stage), ...stage.instructions] };
    reached.set(index, complete);
    for (const { instruction } of complete.instructions) {
      for (const name of fromNames(instruction)) {
        visitBase(resolveFrom(input, stages, stage, name, instruction.position), instruction.position);
      }
    }
  };
  visitStage(target.index);
  return {
    stages: [...reached.values()].sort((a, b) => a.index - b.index),
    requests: [...requests.values()],
  };
}

function triggersOf(input: PlanInput, stages: readonly ResolvedStage[], stage: ResolvedStage): readonly StageInstruction[] {
  return triggerTexts(input, stages, stage).map((text) => {
    const instruction = parseTrigger(text, stage.from.position);
    return { instruction, isTrigger: true };
  });
}

function triggerTexts(input: PlanInput, stages: readonly ResolvedStage[], stage: ResolvedStage): readonly string[] {
  const { base } = stage;
  if (stage.isReplaced) return [];
  if (base.kind === 'image') return input.images.get(base.key)?.config.config?.OnBuild ?? [];
  if (base.kind !== 'stage') return [];
  const parent = stages[base.index];
  return (parent?.instructions ?? []).flatMap(({ instruction }) => (instruction.kind === 'onbuild' ? [instruction.expression] : []));
}
