/** InvalidBaseImagePlatform: an image for another platform than the one that was asked for. Only a build resolves images. */
import { formatWholePlatform, normalizePlatform } from '../../image/platform.ts';
import { goQuote } from '../go-format.ts';
import type { PlanInput } from '../plan-input.ts';
import { fromNames } from '../reachable.ts';
import { contextName, resolveFrom, type Base, type ResolvedStage } from '../stages.ts';
import type { Findings, Place } from './findings.ts';

/** Looks at the bases of the stages, and at the images of their COPY --from and RUN --mount. */
export function checkBasePlatforms(stages: readonly ResolvedStage[], all: readonly ResolvedStage[], input: PlanInput, findings: Findings): void {
  for (const stage of stages) {
    checkBase(stage.base, stage.from, input, findings);
    for (const { instruction } of stage.instructions) {
      for (const name of fromNames(instruction)) {
        checkBase(resolveFrom(input, all, stage, name, instruction), instruction, input, findings);
      }
    }
  }
}

function checkBase(base: Base, place: Place, { images, namedContexts }: PlanInput, findings: Findings): void {
  if (base.kind !== 'image' || namedContexts.has(contextName(base.reference))) return;
  const image = images.get(base.key);
  if (image === undefined || image.diffIDs.length === 0) return;
  const { os, architecture, variant, 'os.version': version } = image.config;
  if (os === base.platform.os && architecture === base.platform.architecture) return;
  const whole = { os, architecture, ...(variant === undefined ? {} : { variant }), ...(version === undefined ? {} : { 'os.version': version }) };
  const actual = formatWholePlatform(normalizePlatform(whole));
  const expected = formatWholePlatform(normalizePlatform(base.platform));
  findings.report('InvalidBaseImagePlatform', `Base image ${base.reference} was pulled with platform ${goQuote(actual)}, expected ${goQuote(expected)} for current build`, place);
}
