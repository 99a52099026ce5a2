/** From a Dockerfile to a graph: asks the plan what it still needs and resolves that, until the graph is whole. */
import type { StepDescription } from '../base/events.ts';
import { withPosition } from '../base/errors.ts';
import type { Dockerfile } from '../dockerfile/instruction.ts';
import { mergeGraphs } from '../graph/merge.ts';
import { plan, type PlanResult } from '../graph/plan.ts';
import type { ImageRequest, PlanInput, PlannedImage } from '../graph/plan-input.ts';
import type { Graph } from '../graph/vertex.ts';
import { formatWholePlatform } from '../image/platform.ts';
import type { ImageResolver, ResolvedImage } from '../source/resolver.ts';
import { withNearStage } from './near-stage.ts';
import type { StepReporter } from './observer.ts';

/** References are resolved again after ONBUILD triggers; more rounds than this is a bug, not a Dockerfile. */
const roundsMax = 1000;

export interface Planned {
  readonly graph: Graph;
  /** By `ImageRequest.key`. */
  readonly images: ReadonlyMap<string, ResolvedImage>;
  /** Names of build arguments that have no effect for any of the platforms, sorted. */
  readonly unconsumedArgs: readonly string[];
}

export interface PlanningOptions {
  readonly resolver: ImageResolver;
  readonly pull: boolean;
  readonly reporter: StepReporter;
  readonly signal: AbortSignal;
}

/** Plans for each input, one a platform, and merges the graphs. What several of them need is resolved once. */
export async function planGraph(inputs: readonly Omit<PlanInput, 'images'>[], options: PlanningOptions): Promise<Planned> {
  const images = new Map<string, ResolvedImage>();
  for (let round = 0; round < roundsMax; round++) {
    const known = plannedImages(images);
    const results = inputs.map((input) => plan({ ...input, images: known }));
    const requests = new Map(results.flatMap((result) => (result.kind === 'needs' ? result.requests.map((request) => [request.key, request] as const) : [])));
    if (requests.size === 0) return { ...mergePlans(results), images };
    const isPlatformShown = inputs.some((input) => input.isPlatformShown);
    const dockerfile = inputs[0]?.dockerfile ?? { stages: [] }; // all platforms are of one
    const resolved = await Promise.all([...requests.values()].map(async (request) => [request.key, await resolveOne(request, { isPlatformShown, dockerfile }, options)] as const));
    for (const [key, image] of resolved) images.set(key, image);
  }
  throw new Error('planning asks for images without end');
}

function mergePlans(results: readonly PlanResult[]): Omit<Planned, 'images'> {
  const whole = results.flatMap((result) => (result.kind === 'graph' ? [result] : []));
  const [first, ...others] = whole.map((result) => result.unconsumedArgs);
  const unconsumed = first?.filter((name) => others.every((names) => names.includes(name))) ?? [];
  return { graph: mergeGraphs(whole.map(({ graph }) => graph)), unconsumedArgs: unconsumed };
}

/** What planning takes of resolved images. */
export function plannedImages(images: Planned['images']): PlanInput['images'] {
  return new Map([...images].map(([key, image]): [string, PlannedImage] => [key, { manifest: image.descriptor.digest, config: image.config, diffIDs: image.diffIDs }]));
}

interface Asking {
  readonly isPlatformShown: boolean;
  readonly dockerfile: Pick<Dockerfile, 'stages'>;
}

async function resolveOne(request: ImageRequest, { isPlatformShown, dockerfile }: Asking, { resolver, pull, reporter, signal }: PlanningOptions): Promise<ResolvedImage> {
  const platform = isPlatformShown ? `${formatWholePlatform(request.platform)} ` : '';
  const step: StepDescription = reporter.describe(`[${platform}internal] load metadata for ${request.reference}`);
  reporter.started(step);
  try {
    const image = await resolver.resolve({ reference: request.reference, platform: request.platform, pull }, signal);
    reporter.done(step, false);
    return image;
  } catch (error) {
    const positioned = withNearStage(withPosition(error, request.position), request.reference, dockerfile);
    if (signal.aborted) reporter.canceled(step);
    else reporter.failed(step, positioned);
    throw positioned;
  }
}
