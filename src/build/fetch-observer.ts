/**
 * Shows base images as steps: a FROM is done at once where its layers are in the store, starts when something needs
 * them, and is cached if nothing did.
 */
import type { StepDescription } from '../base/events.ts';
import { invariant } from '../base/errors.ts';
import type { Graph, Vertex } from '../graph/vertex.ts';
import type { ResolvedImage } from '../source/resolver.ts';
import type { BaseLayers, FetchObserver, LayerOrigin } from './base-layers.ts';
import type { StepReporter } from './observer.ts';

export interface Fetches {
  readonly origins: readonly LayerOrigin[];
  readonly observer: FetchObserver;
  /** Before the first step: images whose layers are all in the store are done. */
  begin(layers: BaseLayers): void;
  /** After the last step: what nothing had to be fetched for is done, too. */
  finish(): void;
}

export function fetchObserver(
  graph: Graph,
  images: ReadonlyMap<string, ResolvedImage>,
  steps: ReadonlyMap<number, StepDescription>,
  reporter: StepReporter,
): Fetches {
  const vertices = graph.vertices.filter((vertex) => vertex.operation.kind === 'image');
  const shown = new Set<number>();
  const stepOf = (index: number): StepDescription => {
    const vertex = vertices[index];
    const step = vertex === undefined ? undefined : steps.get(vertex.id);
    invariant(step !== undefined, 'every image vertex has a step');
    return step;
  };
  const observer: FetchObserver = {
    fetchStarted: (index) => {
      shown.add(index);
      const step = stepOf(index);
      reporter.started(step);
      return (item, currentBytes, totalBytes, done = false) => {
        reporter.send({ type: 'step-progress', id: step.id, item, currentBytes, done, ...(totalBytes === undefined ? {} : { totalBytes }) });
      };
    },
    fetchDone: (index) => reporter.done(stepOf(index), false),
    fetchFailed: (index, error) => reporter.failed(stepOf(index), error),
  };
  const origins = vertices.map((vertex) => originOf(vertex, images));
  const showAsCached = (index: number): void => {
    if (shown.has(index)) return;
    shown.add(index);
    reporter.started(stepOf(index));
    reporter.done(stepOf(index), true);
  };
  return {
    origins,
    observer,
    begin: (layers) => {
      origins.forEach(({ diffIDs }, index) => {
        if (diffIDs.every((layer) => layers.isPresent(layer))) showAsCached(index);
      });
    },
    finish: () => origins.forEach((_, index) => showAsCached(index)),
  };
}

function originOf(vertex: Vertex, images: ReadonlyMap<string, ResolvedImage>): LayerOrigin {
  const { operation } = vertex;
  invariant(operation.kind === 'image', 'an image vertex');
  const image = [...images.values()].find((candidate) => candidate.descriptor.digest === operation.manifest);
  invariant(image !== undefined, `the image ${operation.reference} was resolved`);
  return image;
}
