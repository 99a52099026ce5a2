/**
 * One build from request to image: reads the inputs, plans, executes, delivers. Everything that it starts it ends.
 * It reads no environment and prints nothing: what it needs comes in, what happens goes out as events.
 * Start at `runBuild`; the walk over the graph is in `executor.ts`, single operations in the `perform-*.ts` files.
 */
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { TsbuildError } from '../base/errors.ts';
import type { EventSink } from '../base/events.ts';
import { releasing } from '../base/releasing.ts';
import { openCache, type Cache } from '../cache/cache.ts';
import { checkAnnotations } from '../export/check-annotations.ts';
import { checkOutputs } from '../export/check-outputs.ts';
import type { OutputSpec } from '../export/output-spec.ts';
import { parseOutput } from '../export/parse-output.ts';
import { attemptOf } from '../graph/check/check.ts';
import { findEpoch } from '../graph/source-date-epoch.ts';
import type { Graph } from '../graph/vertex.ts';
import { decompress as decompressArchive } from '../layer/decompress.ts';
import { clampSeconds, type TimePolicy } from '../layer/layer.ts';
import { decompress } from '../source/decompress.ts';
import type { NamedContext } from '../source/named-context.ts';
import { createResolver } from '../source/resolver.ts';
import { archiveSizeHint } from './archive-limit.ts';
import { BaseLayers } from './base-layers.ts';
import type { BuildRequest } from './build-request.ts';
import { builderArg, builderArgNotices } from './builder-args.ts';
import { checkInBuild } from './check.ts';
import { deliver, fullNames, type Delivery } from './deliver.ts';
import type { BuildEnvironment } from './environment.ts';
import { execute } from './executor.ts';
import type { Fetched } from './fetch-context.ts';
import { fetchObserver } from './fetch-observer.ts';
import { inputOf, isDirectoryContext, readNamedContexts } from './inputs.ts';
import { LogFolder } from './log-files.ts';
import { lazyMachinery } from './machinery.ts';
import { contextObserver, describeSteps, observeSteps, StepReporter, type Clock } from './observer.ts';
import { openContexts } from './open-contexts.ts';
import { createOperations } from './operations.ts';
import { imageShape, planInputs, planSettings, timedInput } from './plan-request.ts';
import { planGraph, plannedImages, type Planned } from './planning.ts';
import { readDefinition } from './read-definition.ts';
import type { DockerfileSource, InputOptions } from './read-dockerfile.ts';
import { recordCache } from './record-cache.ts';
import { storeClaims } from './step-claims.ts';
import { resolveEpoch } from './resolve-epoch.ts';
import { withSources, type Opened, type SourcePorts } from './with-sources.ts';

/** RUN steps at once where the user does not say: they wait more than they compute. */
const runsDefault = 16;
const copiesAtOnce = 4;

/** What a build needs of the process that it runs in. */
export interface BuildPorts extends InputOptions, SourcePorts {
  readonly sink: EventSink;
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly clock: Clock;
  /** Now, by the clock that stamps files, in nanoseconds. */
  readonly nowNs: () => bigint;
  /** `process.arch`. */
  readonly architecture: string;
}

export interface BuildOutcome extends Delivery {
  readonly outputs: readonly OutputSpec[];
  readonly durationMs: number;
  readonly stepsTotal: number;
  readonly stepsCached: number;
}

/**
 * Builds. Settles when every process, mount and temporary file of the build is gone.
 * @throws TsbuildError; the signal's reason when it was aborted
 */
export async function runBuild(request: BuildRequest, ports: BuildPorts): Promise<BuildOutcome> {
  ports.signal.throwIfAborted();
  const specs = request.outputs.map(parseOutput);
  const shape = imageShape(request, ports.architecture);
  checkOutputs(specs, { stdoutIsTerminal: ports.stdout.isTTY === true, isIndex: shape.isIndex });
  checkAnnotations(request.annotations, specs, shape);
  fullNames(request.tags);
  const reporter = new StepReporter(ports.sink, ports.clock);
  for (const text of await ports.secrets.check()) reporter.send({ type: 'notice', level: 'warning', code: 'SECRET_EMPTY', text });
  for (const notice of builderArgNotices(request)) reporter.send({ type: 'notice', ...notice });
  if (!isDirectoryContext(request)) return withStore(request, ports, reporter, async (opened) => buildAndCollect({ request, specs, reporter, ...opened, ...(await fetchDefinition(request, ports, reporter, opened)) }));
  const source = await readDefinition(request, ports, reporter);
  return withStore(request, ports, reporter, (opened) => buildAndCollect({ request, ports, specs, reporter, source, ...opened }));
}

/** Plans alone: the graph that a build would carry out. */
export async function planBuild(request: BuildRequest, ports: BuildPorts): Promise<Graph> {
  const reporter = new StepReporter(ports.sink, ports.clock);
  if (!isDirectoryContext(request)) {
    return withStore(request, ports, reporter, async (opened) => (await planInStore({ request, specs: [], reporter, ...opened, ...(await fetchDefinition(request, ports, reporter, opened)) })).graph);
  }
  const source = await readDefinition(request, ports, reporter);
  return withStore(request, ports, reporter, async (opened) => {
    const { graph } = await planInStore({ request, ports, specs: [], reporter, source, ...opened });
    return graph;
  });
}

/** The context is fetched first, because the Dockerfile is in it; the ports then know where it is. */
async function fetchDefinition(request: BuildRequest, ports: BuildPorts, reporter: StepReporter, opened: Opened): Promise<Pick<BuildState, 'ports' | 'source'>> {
  const fetched = await fetchObserved(request, ports, reporter, opened);
  const located = { ...ports, ...inputOf(fetched) };
  return { ports: located, source: await readDefinition(request, located, reporter) };
}

async function fetchObserved(request: BuildRequest, ports: BuildPorts, reporter: StepReporter, { store, sources }: Opened): Promise<Fetched> {
  const { fetchContext } = await import('./fetch-context.ts');
  const step = reporter.describe('[internal] load remote build context');
  reporter.started(step);
  try {
    const fetched = await fetchContext(request, { ...sources, folder: join(store.paths.tmp, 'context'), openStdin: ports.openStdin, signal: ports.signal });
    reporter.done(step, false);
    return fetched;
  } catch (error) {
    reporter.failed(step, error);
    throw error;
  }
}

function withStore<Result>(request: BuildRequest, ports: BuildPorts, reporter: StepReporter, work: (opened: Opened) => Promise<Result>): Promise<Result> {
  return withSources(request, ports, (notice) => reporter.send({ type: 'notice', level: 'warning', ...notice }), work);
}

interface BuildState extends Opened {
  readonly request: BuildRequest;
  readonly ports: BuildPorts;
  readonly specs: readonly OutputSpec[];
  readonly reporter: StepReporter;
  readonly source: DockerfileSource;
}

function timesOf({ timestamps }: BuildRequest, epochSeconds: number | null): TimePolicy {
  if (timestamps === 'keep') return { kind: 'keep' };
  if (timestamps === 'constant') return { kind: 'clamp', seconds: clampSeconds };
  if (epochSeconds !== null) return { kind: 'clamp', seconds: epochSeconds };
  throw new TsbuildError('usage', 'EPOCH_MISSING', '--timestamps=epoch: SOURCE_DATE_EPOCH is not set, or of something without a time', {
    hint: 'Set it, for example SOURCE_DATE_EPOCH=$(git log -1 --format=%ct).',
  });
}

interface PlannedBuild extends Planned {
  readonly contexts: ReadonlyMap<string, NamedContext>;
  readonly times: TimePolicy;
}

async function planInStore(state: BuildState): Promise<PlannedBuild> {
  const { request, ports, reporter, source, store, registry, sources } = state;
  const { signal } = ports;
  const contexts = readNamedContexts(request.buildContexts, ports.workingDirectory);
  const resolver = createResolver({ store, registry: registry.get, namedContexts: contexts, decompress });
  const input = { dockerfile: source.dockerfile, ...planSettings(request, contexts, ports.architecture) };
  const epochSeconds = await resolveEpoch(findEpoch(input), { named: contexts, fetched: ports.fetched, sources, folder: store.paths.tmp, reporter, signal });
  const times = timesOf(request, epochSeconds);
  const inputs = planInputs(request, timedInput(input, epochSeconds, times));
  const planned = await planGraph(inputs, { resolver, pull: request.pull, reporter, signal });
  return { ...planned, contexts, times };
}

/** Plans, and tells what the build checks found, also where planning fails. */
async function planAndCheck(state: BuildState): Promise<PlannedBuild> {
  const { request, ports, reporter, source } = state;
  const check = { request, ports, reporter, dockerfilePath: source.path, attempt: attemptOf(source.dockerfile) };
  const planned = await planInStore(state).catch(async (error: unknown) => {
    if (!ports.signal.aborted) await checkInBuild({ ...check, images: new Map(), isFailing: true });
    throw error;
  });
  if (planned.unconsumedArgs.length > 0) {
    const text = `One or more build-args [${planned.unconsumedArgs.join(' ')}] were not consumed`;
    reporter.send({ type: 'notice', level: 'warning', code: 'BUILD_ARGS_UNCONSUMED', text, isRepeated: true });
  }
  await checkInBuild({ ...check, images: plannedImages(planned.images), isFailing: false });
  return planned;
}

/** A build that put nothing into the store leaves no more garbage than there was; one that failed may. */
async function buildAndCollect(state: BuildState): Promise<BuildOutcome> {
  const { store, request, reporter, ports } = state;
  return releasing(() => buildInStore(state), async () => {
    const { total, cached } = reporter.counts;
    if (total === cached || ports.signal.aborted) return;
    const { collectGarbage } = await import('./prune/collect-garbage.ts');
    await collectGarbage(store, request.cacheBudget, (notice) => { reporter.send({ type: 'notice', ...notice }); });
  });
}

async function buildInStore(state: BuildState): Promise<BuildOutcome> {
  const { ports, reporter, store, request, specs, sources } = state;
  const { graph, images, contexts: named, times } = await planAndCheck(state);
  const steps = describeSteps(graph, reporter);
  const name = builderArg(request, 'BUILDKIT_BUILD_NAME');
  reporter.send({ type: 'build-started', steps: [...steps.values()], target: graph.targetName, ...(name === '' ? {} : { name }) });
  const cache = openCache(store);
  const machinery = lazyMachinery({ store, times, reporter, limits: request.limits, userns: request.userns, runCount: graph.vertices.filter(({ operation }) => operation.kind === 'run').length, searchPath: ports.searchPath, architecture: ports.architecture, isolation: request.isolation });
  const contexts = await openContexts({
    ...ports,
    sources,
    request,
    dockerfilePath: state.source.path,
    named,
    store,
    observerOf: (name) => contextObserver(name, graph, steps, reporter),
  });
  const logName = buildName(ports);
  store.lease(join('logs', logName));
  const logs = new LogFolder(store.paths.logs, logName);
  const fetches = fetchObserver(graph, images, steps, reporter);
  const environment: BuildEnvironment = {
    graph,
    store,
    architecture: ports.architecture,
    machinery: () => machinery.get(),
    contexts: contexts.byName,
    baseLayers: new BaseLayers(fetches.origins, store.blobs, fetches.observer),
    secrets: ports.secrets,
    times,
    limits: request.limits,
    logs,
    reporter,
    steps,
    accounts: new Map(),
    contextLayers: new Map(),
    downloads: sources.downloads,
    repositories: sources.repositories,
    decompress: (source, what) => decompressArchive(source, { what, errorClass: 'step', sizeBytesMax: sources.archiveBytesMax, sizeHint: archiveSizeHint }),
  };
  const work = async (): Promise<BuildOutcome> => {
    fetches.begin(environment.baseLayers);
    const delivery = await executeAndDeliver(state, environment, cache, images);
    fetches.finish();
    await contexts.save();
    const { total, cached } = reporter.counts;
    const durationMs = reporter.elapsedMs;
    reporter.send({ type: 'build-done', durationMs, stepsTotal: total, stepsCached: cached });
    return { ...delivery, outputs: specs, durationMs, stepsTotal: total, stepsCached: cached };
  };
  return releasing(work, () => machinery.close());
}

async function executeAndDeliver(state: BuildState, environment: BuildEnvironment, cache: Cache, images: Planned['images']): Promise<Delivery> {
  const { request, ports, specs, source, reporter } = state;
  const results = await execute(environment.graph, {
    operations: createOperations(environment),
    cache: recordCache(cache, source.path ?? '-'),
    claims: storeClaims(environment.store),
    observer: observeSteps(environment.steps, reporter, (vertex) => {
      const step = environment.steps.get(vertex.id);
      return step === undefined || vertex.operation.kind !== 'run' ? undefined : environment.logs.openedPathOf(step.id);
    }),
    limits: { runs: request.jobs ?? runsDefault, copies: copiesAtOnce },
    signal: ports.signal,
  });
  const { isIndex } = imageShape(request, ports.architecture);
  return deliver({ environment, cache, request, specs, isIndex, results, images, stdout: ports.stdout, signal: ports.signal });
}

/** Logs of a build stand in a folder of this name; later ones sort behind earlier ones. */
function buildName({ nowNs, processID }: BuildPorts): string {
  const seconds = nowNs() / 1_000_000_000n;
  return `${seconds.toString().padStart(12, '0')}-${processID}`;
}

