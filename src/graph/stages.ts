/**
 * Stages: what each FROM and each `--from` stands for (SEMANTICS A6, 43 to 50). Who needs whom is in `reachable.ts`; nothing
 * is dispatched here, `stage-state.ts` does that.
 */
import { TsbuildError, withPosition, type SourceRange } from '../base/errors.ts';
import type { FromInstruction, Instruction } from '../dockerfile/instruction.ts';
import { suggest, suggestionHint } from '../dockerfile/suggest.ts';
import { expandWord } from '../dockerfile/words.ts';
import type { Platform } from '../image/config.ts';
import { formatPlatform, parsePlatform } from '../image/platform.ts';
import { familiarName, isReference, parseReference } from '../image/reference.ts';
import type { EnvList } from './env-list.ts';
import { expand } from './expand.ts';
import type { PlanInput } from './plan-input.ts';

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
  /** The number of the last stage of each name in the file: `--from` means that one, wherever it stands. */
  readonly names: ReadonlyMap<string, number>;
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
  const names = new Map<string, number>();
  for (const stage of input.dockerfile.stages) {
    const { from } = stage;
    const name = stage.name ?? null;
    const platform = resolvePlatform(input, args, from);
    // The word is read also where a named context stands for the stage: what is wrong in it is wrong whoever builds.
    const word = baseWord(input, args, from);
    const shadow = name === null ? null : namedContext(input, name, platform);
    stages.push({
      index: stage.index,
      name,
      names,
      label: labelOf(input, stage.index, name),
      base: shadow ?? resolveBase(input, word, names, { platform, position: from.position }),
      isReplaced: shadow !== null,
      platform,
      from,
      instructions: shadow === null ? stage.instructions.map((instruction) => ({ instruction, isTrigger: false })) : [],
    });
    if (name !== null) names.set(name, stage.index);
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
    throw new TsbuildError('usage', 'PLATFORM_EMPTY', `FROM --platform=${from.platform}: empty platform value`, {
      position: from.position,
      hint: nearArgument(input, args, from.platform) ?? 'Give the ARG a default before the first FROM, or pass it with --build-arg.',
    });
  }
  try {
    return parsePlatform(text, input.buildPlatform);
  } catch (error) {
    throw withNearArgument(withPosition(error, from.position), nearArgument(input, args, from.platform));
  }
}

/** The name of an argument that is spelled nearly like one in the word that nobody declares. */
function nearArgument({ dockerfile }: PlanInput, args: EnvList, word: string): string | undefined {
  const declared = new Set([...args.pairs().map(([name]) => name), ...dockerfile.globalArgs.flatMap((arg) => arg.args.map(({ key }) => key))]);
  const { unset } = expandWord(word, { lookup: (name) => args.get(name), escape: dockerfile.escape });
  const near = unset.flatMap((name) => (declared.has(name) ? [] : (suggest(name, declared) ?? [])))[0];
  return near === undefined ? undefined : `Did you mean $${near}?`;
}

function withNearArgument(error: unknown, hint: string | undefined): unknown {
  if (!(error instanceof TsbuildError) || hint === undefined) return error;
  const { errorClass, code, message, cause, details, position } = error;
  return new TsbuildError(errorClass, code, message, { hint, details, ...(cause === undefined ? {} : { cause }), ...(position === undefined ? {} : { position }) });
}

/** @throws TsbuildError `BASE_NAME_BLANK` (SEMANTICS A6, 50) */
function baseWord(input: PlanInput, args: EnvList, from: FromInstruction): string {
  const word = expand(from.base, args, input.dockerfile, from.position);
  if (word !== '') return word;
  throw new TsbuildError('usage', 'BASE_NAME_BLANK', `FROM ${from.base}: base name should not be blank`, {
    position: from.position,
    hint: nearArgument(input, args, from.base) ?? 'Give the ARG a default before the first FROM, or pass it with --build-arg.',
  });
}

interface BasePlace {
  readonly platform: Platform;
  readonly position: SourceRange;
}

/** @param earlier the stages before by name */
function resolveBase(input: PlanInput, word: string, earlier: ReadonlyMap<string, number>, { platform, position }: BasePlace): Base {
  const index = earlier.get(word.toLowerCase());
  return index === undefined ? externalBase(input, word, platform, position) : { kind: 'stage', index };
}

function namedContext(input: PlanInput, name: string, platform: Platform): Base | null {
  if (/^(scratch|context)$/i.test(name)) return null;
  const normalised = contextName(name);
  switch (input.namedContexts.get(normalised)) {
    case undefined:
      return null;
    case 'directory':
      return { kind: 'context', name: normalised };
    case 'scratch':
      return { kind: 'scratch' };
    case 'image':
      return imageBase(normalised, platform);
  }
}

/** However an image is spelled, it is asked for once. */
function imageBase(reference: string, platform: Platform): Base {
  return { kind: 'image', reference, key: `${contextName(reference)} ${formatPlatform(platform)}`, platform };
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

/** The instruction that reads, as far as errors tell of it. */
export interface Reader {
  readonly kind: Instruction['kind'];
  readonly position: SourceRange;
}

/**
 * What `--from=NAME` means inside the given stage: a number, a stage's name, a named context or an image.
 * @throws TsbuildError `FROM_EXPANSION`, `STAGE_INDEX_INVALID`, `STAGE_NOT_DEFINED`, `REFERENCE_INVALID`
 */
export function resolveFrom(input: PlanInput, stages: readonly ResolvedStage[], current: ResolvedStage, name: string, reader: Reader): Base {
  const base = findFrom(input, stages, current, name, reader);
  if (base.kind !== 'stage' || base.index < current.index) return base;
  const place = current.label === '' ? '' : ` ${JSON.stringify(current.label)}`;
  const verb = reader.kind === 'run' ? 'mount' : 'copy';
  throw new TsbuildError('usage', 'STAGE_NOT_DEFINED', `cannot ${verb} from stage ${JSON.stringify(name)}, it needs to be defined before current stage${place}`, {
    position: reader.position,
    hint: 'Move the stage that is read in front of the one that reads it.',
  });
}

/** The same without regard to the order of stages. */
export function findFrom(input: PlanInput, stages: readonly ResolvedStage[], { names }: ResolvedStage, name: string, { position }: Reader): Base {
  if (name.includes('$')) {
    throw new TsbuildError('usage', 'FROM_EXPANSION', `--from=${name}: variable expansion is not supported for --from`, {
      position,
      hint: 'Define a new stage with FROM using ARG from global scope as a workaround.',
    });
  }
  const index = /^[+-]?\d+$/.test(name) ? Number(name) : names.get(name.toLowerCase());
  if (index === undefined) return externalBase(input, name, input.targetPlatform, position);
  if (index >= 0 && index < stages.length) return { kind: 'stage', index };
  throw new TsbuildError('usage', 'STAGE_INDEX_INVALID', `--from=${name}: invalid stage index ${index}`, {
    position,
    hint: `Stages are numbered from 0; the last one of this file is ${stages.length - 1}.`,
  });
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
  const found = stages[last.names.get(wanted) ?? -1] ?? byIndex;
  if (found !== undefined) return found;
  const names = [...last.names.keys()];
  throw new TsbuildError('usage', 'TARGET_NOT_FOUND', `target stage ${JSON.stringify(input.target)} could not be found in ${input.dockerfile.file}`, {
    hint: suggestionHint(wanted, names) ?? `Stages with a name: ${names.join(', ') || 'none'}.`,
    position: last.from.position,
  });
}
