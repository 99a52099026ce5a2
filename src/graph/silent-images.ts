/**
 * Stages planned without asking for images: one that is not known stands there and says nothing. For those who look at a
 * Dockerfile and build nothing.
 */
import { digestOf, type BlobDigest } from '../base/digest.ts';
import type { ImageRequest, PlanInput, PlannedImage } from './plan-input.ts';
import { collectReachable } from './reachable.ts';
import type { ResolvedStage } from './stages.ts';

export interface CompleteStages {
  /** In the order of the file, with the triggers of their bases. */
  readonly stages: readonly ResolvedStage[];
  /** The known images, and a silent one for each of the others. */
  readonly images: PlanInput['images'];
}

/**
 * The stages that the wanted ones need.
 * @throws TsbuildError of class `usage` for a `--from` that means nothing
 */
export function completeStages(input: PlanInput, all: readonly ResolvedStage[], wanted: readonly ResolvedStage[]): CompleteStages {
  const images = new Map(input.images);
  let reachable = collectReachable({ ...input, images }, all, wanted);
  while (reachable.requests.length > 0) {
    for (const request of reachable.requests) images.set(request.key, silentImage(request));
    reachable = collectReachable({ ...input, images }, all, wanted);
  }
  return { stages: reachable.stages, images };
}

function silentImage({ key, platform }: ImageRequest): PlannedImage {
  return { manifest: digestOf<BlobDigest>(key), config: { ...platform, config: {}, rootfs: { type: 'layers', diff_ids: [] }, history: [] }, diffIDs: [] };
}
