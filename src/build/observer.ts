/**
 * Turns what happens in the executor into the event stream. Steps are numbered in graph order: first the internal ones,
 * then the vertices.
 */
import { messageOf } from '../base/errors.ts';
import type { BuildEvent, EventSink, StepDescription, StepUsage } from '../base/events.ts';
import type { Graph, Vertex } from '../graph/vertex.ts';
import type { StepObserver } from './executor.ts';

/** Progress of one item of a download. */
export type FetchProgress = (item: string, currentBytes: number, totalBytes?: number, done?: boolean) => void;

/** Milliseconds since some fixed moment; never goes back. */
export type Clock = () => number;

/** Numbers steps and sends their events. */
export class StepReporter {
  readonly #sink: EventSink;
  readonly #clock: Clock;
  readonly #startedAt = new Map<number, number>();
  readonly #usages = new Map<number, StepUsage>();
  readonly #buildStart: number;
  #lastID = 0;
  #cached = 0;
  #finished = 0;

  constructor(sink: EventSink, clock: Clock) {
    this.#sink = sink;
    this.#clock = clock;
    this.#buildStart = clock();
  }

  /** Steps of the Dockerfile; internal ones do not count. */
  get counts(): { readonly total: number; readonly cached: number } {
    return { total: this.#finished, cached: this.#cached };
  }

  get elapsedMs(): number {
    return this.#clock() - this.#buildStart;
  }

  /** Takes the next number. */
  describe(name: string, vertex?: Vertex): StepDescription {
    this.#lastID += 1;
    const position = vertex?.position;
    const isInternal = vertex === undefined || vertex.operation.kind === 'context' || vertex.operation.kind === 'git';
    const text = isInternal ? undefined : vertex.name.replace(/^\[[^\]]*\] /, '');
    return {
      id: this.#lastID,
      name,
      ...(position === null || position === undefined ? {} : { position }),
      ...(text === undefined ? {} : { instruction: text }),
    };
  }

  send(event: Timeless): void {
    this.#sink({ ...event, timeMs: this.#clock() });
  }

  started(step: StepDescription): void {
    this.#startedAt.set(step.id, this.#clock());
    this.send({ type: 'step-started', step });
  }

  /** What a step used, for the event of its failure: an error does not carry it. */
  used(id: number, usage: StepUsage): void {
    this.#usages.set(id, usage);
  }

  done(step: StepDescription, cached: boolean, usage?: StepUsage): void {
    if (step.instruction !== undefined) {
      this.#finished += 1;
      if (cached) this.#cached += 1;
    }
    this.send({ type: 'step-done', id: step.id, cached, durationMs: this.#duration(step), ...(usage === undefined ? {} : { usage }) });
  }

  failed(step: StepDescription, error: unknown, logPath?: string): void {
    const usage = this.#usages.get(step.id);
    const known = { ...(logPath === undefined ? {} : { logPath }), ...(usage === undefined ? {} : { usage }) };
    this.send({ type: 'step-failed', id: step.id, durationMs: this.#duration(step), message: messageOf(error), ...known });
  }

  canceled(step: StepDescription): void {
    this.send({ type: 'step-canceled', id: step.id });
  }

  #duration(step: StepDescription): number {
    return this.#clock() - (this.#startedAt.get(step.id) ?? this.#clock());
  }
}

type WithoutTime<Event> = Event extends BuildEvent ? Omit<Event, 'timeMs'> : never;
type Timeless = WithoutTime<BuildEvent>;

/** The steps of a graph that people see: everything that does something. */
export function describeSteps(graph: Graph, reporter: StepReporter): ReadonlyMap<number, StepDescription> {
  const shown = graph.vertices.filter(({ operation }) => operation.kind !== 'config' && operation.kind !== 'scratch');
  return new Map(shown.map((vertex) => [vertex.id, reporter.describe(vertex.name, vertex)]));
}

/** Observes the executor for the vertices that have a step. */
export function observeSteps(
  steps: ReadonlyMap<number, StepDescription>,
  reporter: StepReporter,
  logPathOf: (vertex: Vertex) => string | undefined,
): StepObserver {
  const withStep = (vertex: Vertex, action: (step: StepDescription) => void): void => {
    const step = steps.get(vertex.id);
    if (step !== undefined) action(step);
  };
  return {
    started: (vertex) => withStep(vertex, (step) => reporter.started(step)),
    missed: (vertex, text) => withStep(vertex, (step) => reporter.send({ type: 'step-note', id: step.id, text })),
    waiting: (vertex) => withStep(vertex, (step) => reporter.send({ type: 'step-note', id: step.id, text: 'another build is at this step: waiting for its result' })),
    done: (vertex, { cached, usage }) => withStep(vertex, (step) => reporter.done(step, cached, usage)),
    failed: (vertex, error) => withStep(vertex, (step) => reporter.failed(step, error, logPathOf(vertex))),
    canceled: (vertex) => withStep(vertex, (step) => reporter.canceled(step)),
  };
}

/** Shows the reading of a context as the step of its vertex. */
export function contextObserver(
  name: string,
  graph: Graph,
  steps: ReadonlyMap<number, StepDescription>,
  reporter: StepReporter,
): { started(): void; done(): void; failed(error: unknown): void } {
  const vertex = graph.vertices.find(({ operation }) => operation.kind === 'context' && operation.name === name);
  const step = vertex === undefined ? undefined : steps.get(vertex.id);
  return {
    started: () => step !== undefined && reporter.started(step),
    done: () => step !== undefined && reporter.done(step, false),
    failed: (error) => step !== undefined && reporter.failed(step, error),
  };
}
