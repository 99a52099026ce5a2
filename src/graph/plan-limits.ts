/**
 * What a plan may grow to. A short file can ask for much: a variable that contains itself twice, a range of all ports, a
 * stage on top of a stage. An image beyond these limits is one that tsbuild itself would refuse to read.
 */
import { TsbuildError, type SourceRange } from '../base/errors.ts';
import type { Instruction } from '../dockerfile/instruction.ts';
import { configListCountMax, configSizeBytesMax, layerCountMax } from '../image/limits.ts';
import type { StageState } from './stage-state.ts';
import type { ConfigOperation } from './vertex.ts';

/** Characters of history and variables of RUN steps that all stages together may make: some hundred megabytes of memory. */
export const planSizeMax = 64 * 1024 * 1024;

/** A diffID in the config, with its quotes and comma. */
const diffIDSizeBytes = 74;

/** Counts what the instructions of one plan add. */
export class PlanBudget {
  #left = planSizeMax;

  /**
   * To be called after each instruction.
   * @throws TsbuildError `PLAN_TOO_LARGE`, `IMAGE_CONFIG_TOO_LARGE`
   */
  check(before: StageState, after: StageState, { kind, position }: Pick<Instruction, 'kind' | 'position'>): void {
    this.#left -= after.historySize - before.historySize + (kind === 'run' ? after.env.size : 0);
    if (this.#left < 0) {
      throw new TsbuildError('usage', 'PLAN_TOO_LARGE', `planning: the stages of this file make more than ${planSizeMax} characters of history and variables`, {
        position,
        hint: 'A variable or a range of ports may be much larger than it looks.',
      });
    }
    if (after.historySize > configSizeBytesMax) throw tooLarge('the history has', configSizeBytesMax, 'characters', position);
    checkCount('history', after.baseHistory.length + after.history.length, position);
    checkCount('Env', after.baseEnv.length + after.ownEnv.size, position);
    checkCount('OnBuild', after.triggers.length, position);
  }
}

function checkCount(list: string, count: number, position: SourceRange): void {
  if (count > configListCountMax) throw tooLarge(`${list} has`, configListCountMax, 'entries', position);
}

/** @throws TsbuildError `IMAGE_CONFIG_TOO_LARGE` for a config that could not be read back */
export function checkConfigSize({ config, baseHistory, history }: ConfigOperation, position: SourceRange): void {
  const text = JSON.stringify([config, baseHistory, history.map(({ entry }) => entry)]);
  const sizeBytes = Buffer.byteLength(text) + layerCountMax * diffIDSizeBytes;
  if (sizeBytes > configSizeBytesMax) throw tooLarge('it has', configSizeBytesMax, 'bytes', position);
}

function tooLarge(what: string, max: number, unit: string, position: SourceRange): TsbuildError {
  return new TsbuildError('usage', 'IMAGE_CONFIG_TOO_LARGE', `image config: ${what} more than ${max} ${unit}`, {
    position,
    hint: 'Write fewer instructions that say something about the image, or shorter values.',
  });
}
