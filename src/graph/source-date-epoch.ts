/**
 * SOURCE_DATE_EPOCH as BuildKit reads it (dockerfile2llb, epoch.go): a number of seconds, or what to take the time of. It
 * asks nothing of that for its time; `build/resolve-epoch.ts` does. Start at `findEpoch`.
 */
import { TsbuildError, withPosition, type SourceRange } from '../base/errors.ts';
import { readChecksum } from '../dockerfile/git-query.ts';
import { parseGitUrl, type GitUrl } from '../dockerfile/git-url.ts';
import type { CopyInstruction, Dockerfile, Stage } from '../dockerfile/instruction.ts';
import { globalArguments } from './arguments.ts';
import { isDownload } from './copy-instruction.ts';
import type { EnvList } from './env-list.ts';
import { expand, positioned } from './expand.ts';
import type { PlanInput } from './plan-input.ts';
import { contextName } from './stages.ts';

/** The argument's name. */
export const epochName = 'SOURCE_DATE_EPOCH';
/** 9999-12-31T23:59:59Z: RFC 3339 has four digits for the year. */
const epochSecondsMax = 253_402_300_799;

/** Where the time comes from. */
export type EpochSource =
  | { readonly kind: 'none' }
  | { readonly kind: 'seconds'; readonly seconds: number }
  /** A context; the empty name is the main one's. */
  | { readonly kind: 'context'; readonly name: string }
  /** What the ADD of a stage brings. */
  | { readonly kind: 'git'; readonly url: GitUrl; readonly keepsGit: boolean }
  | { readonly kind: 'http'; readonly url: string; readonly checksum: string | null };

export type EpochInput = Pick<PlanInput, 'dockerfile' | 'target' | 'buildArgs' | 'targetPlatform' | 'buildPlatform' | 'namedContexts'>;

/**
 * A build argument comes before the default of an ARG before the first FROM; an empty one means that there is no time.
 * @throws TsbuildError `EPOCH_INVALID`, class usage
 */
export function findEpoch(input: EpochInput): EpochSource {
  const given = input.buildArgs.get(epochName);
  const text = given ?? globalArguments(input).get(epochName) ?? '';
  if (text === '') return { kind: 'none' };
  const position = given === undefined ? input.dockerfile.globalArgs.findLast(({ args }) => args.some(({ key }) => key === epochName))?.position : undefined;
  try {
    return readEpoch(text, input);
  } catch (error) {
    throw position === undefined ? error : withPosition(error, position);
  }
}

function readEpoch(text: string, input: EpochInput): EpochSource {
  if (/^[+-]?\d+$/.test(text)) return { kind: 'seconds', seconds: checkEpoch(Number(text), text) };
  if (text === 'context') return { kind: 'context', name: '' };
  const name = contextName(text);
  if (input.namedContexts.has(name)) return { kind: 'context', name };
  const stage = input.dockerfile.stages.find((candidate) => candidate.name === text.toLowerCase());
  if (stage === undefined) throw invalid(text, 'it is no number of seconds, no named context and no stage');
  return sourceOfStage(text, stage, input);
}

/**
 * Seconds that a config can hold.
 * @param text for the message: what was asked for
 * @throws TsbuildError `EPOCH_INVALID`, class usage
 */
export function checkEpoch(seconds: number, text: string): number {
  if (seconds >= 0 && seconds <= epochSecondsMax) return seconds;
  throw invalid(text, seconds < 0 ? 'it is before 1970' : 'it is after the year 9999');
}

function invalid(text: string, cause: string, position?: SourceRange): TsbuildError {
  return new TsbuildError('usage', 'EPOCH_INVALID', `${epochName}=${text}: ${cause}`, {
    hint: 'Give seconds since 1970, as of $(git log -1 --format=%ct); or context, or the name of a context or stage, for the time of what is fetched.',
    ...(position === undefined ? {} : { position }),
  });
}

/** The stage must be FROM scratch and ADD of one address, and nothing else but ARGs. */
function sourceOfStage(text: string, stage: Stage, input: EpochInput): EpochSource {
  const { from } = stage;
  let env = argumentsOfStage(input);
  if (expand(from.base, env, input.dockerfile, from.position) !== 'scratch') throw invalid(text, 'the stage of this name is not FROM scratch', from.position);
  let add: CopyInstruction | null = null;
  for (const instruction of stage.instructions) {
    if (instruction.kind === 'arg') {
      for (const { key, value } of instruction.args) {
        const result = input.buildArgs.get(key) ?? (value === undefined ? undefined : expand(value, env, input.dockerfile, instruction.position));
        if (result !== undefined) env = env.with(key, result);
      }
    } else if (instruction.kind === 'add' && add === null) add = instruction;
    else throw invalid(text, `the stage of this name has more than one ADD of an address: ${instruction.kind.toUpperCase()}`, instruction.position);
  }
  if (add === null) throw invalid(text, 'the stage of this name has no ADD of an address', from.position);
  return sourceOfAdd(text, add, env, input.dockerfile);
}

/** As FROM lines see them, but for the one that is being found. */
function argumentsOfStage(input: EpochInput): EnvList {
  return globalArguments({ ...input, ...settleEpoch(input, null) });
}

function sourceOfAdd(text: string, add: CopyInstruction, env: EnvList, dockerfile: Dockerfile): EpochSource {
  const { sources: [source], sources, heredocs, position, keepGitDir } = add;
  const word = (written: string): string => expand(written, env, dockerfile, position);
  if (source === undefined || sources.length !== 1 || heredocs.length > 0) throw invalid(text, 'the ADD of this stage has several sources', position);
  const address = word(source);
  const checksum = add.checksum === undefined ? '' : word(add.checksum);
  const url = positioned(position, () => parseGitUrl(address, { knownGit: keepGitDir !== undefined }));
  if (url !== null) {
    const own = positioned(position, () => readChecksum(checksum));
    return { kind: 'git', url: { ...url, checksum: own ?? url.checksum }, keepsGit: url.keepGitDir ?? keepGitDir ?? false };
  }
  if (isDownload(address)) return { kind: 'http', url: address, checksum: checksum === '' ? null : checksum };
  throw invalid(text, 'the ADD of this stage is of no address', position);
}

/** The build arguments and the Dockerfile for planning, with the time in place of what it was taken of. */
export function settleEpoch({ buildArgs, dockerfile }: Pick<EpochInput, 'buildArgs' | 'dockerfile'>, seconds: number | null): Pick<EpochInput, 'buildArgs' | 'dockerfile'> {
  const value = seconds === null ? {} : { value: String(seconds) };
  const others = [...buildArgs].filter(([key]) => key !== epochName);
  const settled = buildArgs.has(epochName) && seconds !== null ? [...others, [epochName, String(seconds)] as const] : others;
  const globalArgs = dockerfile.globalArgs.map((instruction) => ({
    ...instruction,
    args: instruction.args.map((arg) => (arg.key === epochName && arg.value !== undefined ? { key: epochName, ...value } : arg)),
  }));
  return { buildArgs: new Map(settled), dockerfile: { ...dockerfile, globalArgs } };
}
