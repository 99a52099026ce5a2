/** Plans small Dockerfiles in memory. `planned` is the way in; `refused` for what must not be planned. */
import { strict as assert } from 'node:assert';
import { digestOf, type BlobDigest, type DiffID } from '../../src/base/digest.ts';
import { TsbuildError } from '../../src/base/errors.ts';
import { parseDockerfile } from '../../src/dockerfile/parse.ts';
import { plan } from '../../src/graph/plan.ts';
import type { ImageRequest, PlanInput, PlannedImage } from '../../src/graph/plan-input.ts';
import type { ConfigOperation, CopyOperation, Graph, Operation, RunOperation, Vertex } from '../../src/graph/vertex.ts';
import type { ContainerConfig, HistoryEntry, ImageConfig, Platform } from '../../src/image/config.ts';

export const amd64: Platform = { os: 'linux', architecture: 'amd64' };
export const arm64: Platform = { os: 'linux', architecture: 'arm64' };

/** What a base image says of itself, as far as a test cares. */
export interface Base {
  readonly config?: ContainerConfig;
  readonly history?: readonly HistoryEntry[];
  readonly author?: string;
  readonly variant?: string;
  readonly layers?: number;
}

export type PlanOptions = Partial<Omit<PlanInput, 'dockerfile' | 'images' | 'buildArgs' | 'namedContexts'>> & {
  readonly args?: Readonly<Record<string, string>>;
  readonly contexts?: Readonly<Record<string, 'directory' | 'image' | 'scratch'>>;
  /** By reference; any other image exists too, and says nothing of itself. */
  readonly bases?: Readonly<Record<string, Base>>;
};

export function inputOf(source: string, options: PlanOptions = {}): Omit<PlanInput, 'images'> {
  const { args = {}, contexts = {}, ...rest } = options;
  return {
    dockerfile: parseDockerfile(source, 'Dockerfile'),
    target: null,
    buildArgs: new Map(Object.entries(args)),
    targetPlatform: amd64,
    isPlatformGiven: false,
    isPlatformShown: false,
    buildPlatform: amd64,
    namedContexts: new Map(Object.entries(contexts)),
    labels: [],
    network: 'default',
    extraHosts: [],
    shmSizeBytes: 67_108_864,
    ulimits: [],
    hostname: 'buildkitsandbox',
    cacheNamespace: '',
    noCache: false,
    noCacheFilter: [],
    created: '1980-01-02T00:00:00Z',
    sourceDateEpoch: '315619200',
    allowHostNetwork: false,
    allowInsecure: false,
    ...without(rest, 'bases'),
  };
}

/** The object without some of its fields. */
export function without<T extends object, Key extends keyof T>(object: T, ...keys: readonly Key[]): Omit<T, Key> {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.some((other) => other === key))) as Omit<T, Key>; // what is left has the types it had
}

/** An image that is known: its manifest is the digest of its request's key. */
export function imageOf({ key, platform }: Pick<ImageRequest, 'key' | 'platform'>, base: Base = {}): PlannedImage {
  const diffIDs = Array.from({ length: base.layers ?? 1 }, (_, index) => digestOf<DiffID>(`${key} ${index}`));
  const config: ImageConfig = {
    ...platform,
    created: '2001-01-01T00:00:00Z',
    ...(base.author === undefined ? {} : { author: base.author }),
    ...(base.variant === undefined ? {} : { variant: base.variant }),
    config: base.config ?? {},
    rootfs: { type: 'layers', diff_ids: diffIDs },
    history: base.history ?? [],
  };
  return { manifest: digestOf<BlobDigest>(key), config, diffIDs };
}

export interface Planned {
  readonly graph: Graph;
  /** What was asked for, round by round. */
  readonly rounds: readonly (readonly string[])[];
  readonly unconsumedArgs: readonly string[];
}

/** Plans to the end: whatever is asked for is there. */
export function planned(source: string, options: PlanOptions = {}): Planned {
  const input = inputOf(source, options);
  const bases = new Map(Object.entries(options.bases ?? {}));
  const images = new Map<string, PlannedImage>();
  const rounds: (readonly string[])[] = [];
  for (;;) {
    const result = plan({ ...input, images });
    if (result.kind === 'graph') return { graph: result.graph, rounds, unconsumedArgs: result.unconsumedArgs };
    rounds.push(result.requests.map(({ key }) => key));
    for (const request of result.requests) images.set(request.key, imageOf(request, bases.get(request.reference)));
  }
}

export function graphOf(source: string, options: PlanOptions = {}): Graph {
  return planned(source, options).graph;
}

/** All operations of one kind, in the graph's order. */
export function operationsOf<Kind extends Operation['kind']>(graph: Graph, kind: Kind): readonly Extract<Operation, { readonly kind: Kind }>[] {
  return graph.vertices.flatMap(({ operation }) => (operation.kind === kind ? [operation as Extract<Operation, { readonly kind: Kind }>] : []));
}

export function runsOf(source: string, options: PlanOptions = {}): readonly RunOperation[] {
  return operationsOf(graphOf(source, options), 'run');
}

/** The last RUN. */
export function runOf(source: string, options: PlanOptions = {}): RunOperation {
  const run = runsOf(source, options).at(-1);
  assert.ok(run, 'there is a RUN');
  return run;
}

/** The last COPY or ADD. */
export function copyOf(source: string, options: PlanOptions = {}): CopyOperation {
  const copy = operationsOf(graphOf(source, options), 'copy').at(-1);
  assert.ok(copy, 'there is a COPY');
  return copy;
}

/** The environment of a RUN without what every RUN has. */
export function envOf({ env }: RunOperation): Readonly<Record<string, string>> {
  return Object.fromEntries(env.filter(([name]) => name !== 'PATH' && name !== 'SOURCE_DATE_EPOCH'));
}

export function targetOf(graph: Graph): ConfigOperation {
  const operation = graph.vertices[graph.targets[0] ?? -1]?.operation;
  assert.equal(operation?.kind, 'config');
  return operation;
}

/** The config of the finished image. */
export function configOf(source: string, options: PlanOptions = {}): ContainerConfig {
  return targetOf(graphOf(source, options)).config.config ?? {};
}

/** The lines that the build adds to the history; `!` before those without a layer. */
export function historyOf(source: string, options: PlanOptions = {}): readonly string[] {
  return targetOf(graphOf(source, options)).history.map(({ entry, layer }) => `${layer === null ? '!' : ''}${entry.created_by ?? ''}`);
}

/** Names of the vertices that people see. */
export function namesOf(source: string, options: PlanOptions = {}): readonly string[] {
  return graphOf(source, options).vertices.filter(({ operation }) => operation.kind !== 'config' && operation.kind !== 'scratch').map(({ name }) => name.replace(/@sha256:[0-9a-f]{64}/, '@…'));
}

export function vertexOf(graph: Graph, name: string): Vertex {
  const vertex = graph.vertices.find((candidate) => candidate.name.includes(name));
  assert.ok(vertex, `a vertex named ${name} among ${graph.vertices.map((candidate) => candidate.name).join(', ')}`);
  return vertex;
}

/** Refused by the plan, not by the parser: class usage, this code, on these lines. */
export function refused(source: string, code: string, lines: readonly [start: number, end: number], options: PlanOptions & { readonly message?: RegExp } = {}): void {
  const { message = /./, ...rest } = options;
  const input = inputOf(source, rest);
  assert.throws(
    () => {
      const images = new Map<string, PlannedImage>();
      for (let result = plan({ ...input, images }); result.kind === 'needs'; result = plan({ ...input, images })) {
        for (const request of result.requests) images.set(request.key, imageOf(request, new Map(Object.entries(options.bases ?? {})).get(request.reference)));
      }
    },
    (error) => {
      assert.ok(error instanceof TsbuildError, String(error));
      assert.deepEqual({ code: error.code, class: error.errorClass }, { code, class: 'usage' }, `${source}\n${error.message}`);
      assert.deepEqual(error.position, { file: 'Dockerfile', startLine: lines[0], endLine: lines[1] }, source);
      assert.match(error.message, message);
      return true;
    },
  );
}

/** Makes everything in it read-only: planning must not change what it is given. */
export function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  if (value instanceof Map) for (const item of value.values()) freeze(item);
  else for (const item of Object.values(value)) freeze(item);
  return value;
}
