/**
 * The executor: a memoised asynchronous walk over the graph that asks the cache and performs what is missing.
 * It knows no kinds of operations, no disk and no processes: those are behind `Operations` and `RecordCache`, so that a
 * whole build runs in memory in a test. Start at `execute`.
 *
 * A queue's slot is taken only when all inputs are there, so a graph of any depth runs on a queue of one. The first
 * failure aborts the rest; `execute` settles only when nothing is running any more.
 *
 * Builds that miss one key at once perform it once: who has a slot claims the key, without waiting, and gives it back with
 * the slot; who finds it claimed leaves the slot and waits for nothing but the claim. So nobody who waits has what another
 * waits for, and no circle of builds can form.
 */
import { setMaxListeners } from 'node:events';
import PQueue from 'p-queue';
import type { CacheKey } from '../base/canonical.ts';
import type { DiffID } from '../base/digest.ts';
import type { StepUsage } from '../base/events.ts';
import { releasing } from '../base/releasing.ts';
import { definitionKeys } from '../graph/definition.ts';
import { inputsOf, type Graph, type Vertex, type VertexID } from '../graph/vertex.ts';

/** What a vertex stands for once it is done: a stack of layers, lowest first. */
export interface VertexResult {
  readonly layers: readonly DiffID[];
  /** Those of `layers` that this vertex added. */
  readonly added: readonly DiffID[];
}

export interface Performed {
  readonly added: readonly DiffID[];
  readonly usage?: StepUsage;
}

/** Results of a vertex's inputs, by number. */
export type Inputs = ReadonlyMap<VertexID, VertexResult>;

/** What the executor needs to know and have done; `operations.ts` does it for real, tests in memory. */
export interface Operations {
  /** The layers that a vertex starts from: those of its root, or of the image that it is. */
  baseLayers(vertex: Vertex, inputs: Inputs): readonly DiffID[];
  /** The content key; null for a vertex that only stands for something (image, context, config). */
  keyOf(vertex: Vertex, inputs: Inputs, signal: AbortSignal): Promise<CacheKey | null>;
  perform(vertex: Vertex, inputs: Inputs, signal: AbortSignal): Promise<Performed>;
  /** Whether a layer that a record names is still in the store. */
  hasLayer(layer: DiffID): boolean;
}

/** Earlier results by content key. */
export interface RecordCache {
  get(key: CacheKey): Promise<readonly DiffID[] | null>;
  put(vertex: Vertex, key: CacheKey, added: readonly DiffID[]): Promise<void>;
  /** Why there was no hit, in words; null where there is no earlier record to compare with. */
  explainMiss(vertex: Vertex, key: CacheKey): Promise<string | null>;
}

/** Who performs a step: one at a time among all builds on a store. A claim ends with its process, also by SIGKILL. */
export interface StepClaims {
  /** Claims a key; null where somebody has it. It never waits. */
  claim(key: CacheKey): Promise<StepClaim | null>;
  /** Waits until nobody has the key. @throws the signal's reason */
  whenFree(key: CacheKey, signal: AbortSignal): Promise<void>;
}

export interface StepClaim {
  release(): Promise<void>;
}

/** Hears what happens to each vertex that has a key. */
export interface StepObserver {
  started(vertex: Vertex): void;
  missed(vertex: Vertex, reason: string): void;
  /** Another build is at the same step; its result will do. */
  waiting(vertex: Vertex): void;
  done(vertex: Vertex, outcome: { readonly cached: boolean; readonly usage?: StepUsage }): void;
  failed(vertex: Vertex, error: unknown): void;
  canceled(vertex: Vertex): void;
}

export interface Limits {
  /** RUN steps at once. They wait more than they compute, so this does not follow the number of CPUs. */
  readonly runs: number;
  /** COPY, ADD and WORKDIR at once. */
  readonly copies: number;
}

export interface ExecuteOptions {
  readonly operations: Operations;
  readonly cache: RecordCache;
  readonly claims: StepClaims;
  readonly observer: StepObserver;
  readonly limits: Limits;
  readonly signal: AbortSignal;
}

/**
 * Carries out the graph's targets and all that they need.
 * @throws the first error of any vertex, after all others have stopped; the signal's reason when it was aborted
 */
export async function execute(graph: Graph, options: ExecuteOptions): Promise<ReadonlyMap<VertexID, VertexResult>> {
  const walk = new Walk(graph, options);
  return walk.run();
}

/** Steps that wait for other builds at once, each with a descriptor; further ones wait for their turn. */
const waitsAtOnce = 64;

class Walk {
  readonly #graph: Graph;
  readonly #options: ExecuteOptions;
  readonly #abort = new AbortController();
  readonly #running = new Map<string, Promise<VertexResult>>();
  readonly #results = new Map<VertexID, VertexResult>();
  readonly #keys;
  readonly #started = new Set<VertexID>();
  readonly #queues: { readonly run: PQueue; readonly copy: PQueue; readonly wait: PQueue };

  constructor(graph: Graph, options: ExecuteOptions) {
    this.#graph = graph;
    this.#options = options;
    setMaxListeners(0, this.#abort.signal); // every job of every running step listens; Node.js takes more than ten for a leak
    this.#keys = definitionKeys(graph);
    this.#queues = {
      run: new PQueue({ concurrency: options.limits.runs }),
      copy: new PQueue({ concurrency: options.limits.copies }),
      wait: new PQueue({ concurrency: waitsAtOnce }),
    };
  }

  async run(): Promise<ReadonlyMap<VertexID, VertexResult>> {
    const onAbort = (): void => this.#abort.abort(this.#options.signal.reason);
    this.#options.signal.throwIfAborted();
    this.#options.signal.addEventListener('abort', onAbort, { once: true });
    try {
      const outcome = Promise.all(this.#graph.targets.map((target) => this.#visit(this.#vertexOf(target))));
      await outcome.catch(() => this.#settled());
      await outcome;
      return this.#results;
    } finally {
      this.#options.signal.removeEventListener('abort', onAbort);
    }
  }

  /** Resolves when no vertex is running any more. */
  async #settled(): Promise<void> {
    await Promise.allSettled(this.#running.values());
  }

  /** One promise for each piece of work: vertices with the same definition share it. */
  #visit(vertex: Vertex): Promise<VertexResult> {
    const definition = this.#keys.get(vertex.id)?.digest ?? String(vertex.id);
    const known = this.#running.get(definition);
    if (known !== undefined) return known.then((result) => this.#remember(vertex, result));
    const work = this.#perform(vertex).catch((error: unknown) => {
      this.#abort.abort(error);
      throw this.#abort.signal.reason;
    });
    this.#running.set(definition, work);
    return work.then((result) => this.#remember(vertex, result));
  }

  #remember(vertex: Vertex, result: VertexResult): VertexResult {
    this.#results.set(vertex.id, result);
    return result;
  }

  async #perform(vertex: Vertex): Promise<VertexResult> {
    const { operations } = this.#options;
    const inputs = await this.#inputs(vertex);
    this.#abort.signal.throwIfAborted();
    const base = operations.baseLayers(vertex, inputs);
    const found = await this.#lookUp(vertex, inputs);
    if (found === null) return { layers: base, added: [] };
    const { key, cached } = found;
    const added = cached === null ? await this.#performOnce(vertex, key, inputs) : this.#found(vertex, cached);
    return { layers: [...base, ...added], added };
  }

  /** Performs the step, or takes what another build makes of it meanwhile. */
  async #performOnce(vertex: Vertex, key: CacheKey, inputs: Inputs): Promise<readonly DiffID[]> {
    const queue = vertex.operation.kind === 'run' ? this.#queues.run : this.#queues.copy;
    for (let waits = 0; ; waits += 1) {
      const added = await queue.add(() => (vertex.ignoreCache ? this.#performObserved(vertex, key, inputs) : this.#performClaimed(vertex, key, inputs)));
      if (added !== null) return added;
      await this.#observed(vertex, async (signal) => {
        this.#start(vertex);
        if (waits === 0) this.#options.observer.waiting(vertex);
        await this.#queues.wait.add(() => this.#options.claims.whenFree(key, signal));
      });
      const other = await this.#recorded(vertex, key);
      if (other !== null) return this.#found(vertex, other);
    }
  }

  /** Null, and nothing done, where another build is at it. One that has just finished is seen under the claim. */
  async #performClaimed(vertex: Vertex, key: CacheKey, inputs: Inputs): Promise<readonly DiffID[] | null> {
    const claim = await this.#observed(vertex, () => this.#options.claims.claim(key));
    if (claim === null) return null;
    return releasing(async () => {
      const other = await this.#recorded(vertex, key);
      return other === null ? this.#performObserved(vertex, key, inputs) : this.#found(vertex, other);
    }, () => claim.release());
  }

  #found(vertex: Vertex, added: readonly DiffID[]): readonly DiffID[] {
    this.#start(vertex);
    this.#options.observer.done(vertex, { cached: true });
    return added;
  }

  /** A step that waited was started before. */
  #start(vertex: Vertex): void {
    if (this.#started.has(vertex.id)) return;
    this.#started.add(vertex.id);
    this.#options.observer.started(vertex);
  }

  /** The content key and what the cache has for it. A failure is the step's own: what COPY names is not there. */
  async #lookUp(vertex: Vertex, inputs: Inputs): Promise<{ readonly key: CacheKey; readonly cached: readonly DiffID[] | null } | null> {
    const { operations } = this.#options;
    const { signal } = this.#abort;
    try {
      const key = await operations.keyOf(vertex, inputs, signal);
      if (key === null) return null;
      return { key, cached: await this.#recorded(vertex, key) };
    } catch (error) {
      if (!signal.aborted) this.#fail(vertex, error);
      throw error;
    }
  }

  /** An earlier result whose layers are all there; null for none, and where none is wanted. */
  async #recorded(vertex: Vertex, key: CacheKey): Promise<readonly DiffID[] | null> {
    const { operations, cache } = this.#options;
    const added = vertex.ignoreCache ? null : await cache.get(key);
    return added?.every((layer) => operations.hasLayer(layer)) === true ? added : null;
  }

  /**
   * Keeps what a step made and returns it; where another build has meanwhile kept a result of the same step, returns that
   * one. A step that makes other bytes each time would else take the other build's next steps out of the cache.
   */
  async #keep(vertex: Vertex, key: CacheKey, added: readonly DiffID[]): Promise<readonly DiffID[]> {
    const other = await this.#recorded(vertex, key);
    if (other !== null) return other;
    await this.#options.cache.put(vertex, key, added);
    return added;
  }

  #vertexOf(id: VertexID): Vertex {
    const vertex = this.#graph.vertices[id];
    if (vertex === undefined) throw new Error(`the graph has no vertex ${id}`);
    return vertex;
  }

  async #inputs(vertex: Vertex): Promise<Inputs> {
    const ids = inputsOf(vertex.operation);
    const results = await Promise.all(ids.map((id) => this.#visit(this.#vertexOf(id))));
    return new Map(ids.map((id, index) => [id, results[index] ?? { layers: [], added: [] }]));
  }

  #performObserved(vertex: Vertex, key: CacheKey, inputs: Inputs): Promise<readonly DiffID[]> {
    const { operations, cache, observer } = this.#options;
    return this.#observed(vertex, async (signal) => {
      this.#start(vertex);
      const reason = vertex.ignoreCache ? null : await cache.explainMiss(vertex, key);
      if (reason !== null) observer.missed(vertex, reason);
      const { added, usage } = await operations.perform(vertex, inputs, signal);
      const kept = await this.#keep(vertex, key, added);
      observer.done(vertex, { cached: false, ...(usage === undefined ? {} : { usage }) });
      return kept;
    });
  }

  /** Tells of the end of a step that does not end well. */
  async #observed<Result>(vertex: Vertex, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const { signal } = this.#abort;
    try {
      signal.throwIfAborted();
      return await work(signal);
    } catch (error) {
      if (signal.aborted) this.#options.observer.canceled(vertex);
      else this.#fail(vertex, error);
      throw error;
    }
  }

  /** Aborts at once: a turn later the queue would have given the free slot to the next step. */
  #fail(vertex: Vertex, error: unknown): void {
    this.#start(vertex);
    this.#options.observer.failed(vertex, error);
    this.#abort.abort(error);
  }
}
