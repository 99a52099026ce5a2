/**
 * The real commands: connects `Commands` to the folders below. Each command loads what it needs when it is called, so that
 * a command that needs little starts fast.
 */
import { homedir } from 'node:os';
import { addAbortSignal, type Readable } from 'node:stream';
import type { EventSink } from '../base/events.ts';
import type { BuildPorts } from '../build/build.ts';
import type { BuildRequest } from '../build/build-request.ts';
import type { CheckPorts } from '../build/check.ts';
import { createSecretProvider } from '../build/secret-provider.ts';
import type { PlatformChoice } from '../export/stored-image.ts';
import { hostPlatform, parsePlatform } from '../image/platform.ts';
import type { Store } from '../store/store.ts';
import type { StoreNotice } from '../store/tags.ts';
import type { Commands, StoreRequest, VerifyReport } from './commands.ts';
import { parseSize } from './options/limits.ts';
import { openLog, readStepEnd } from './stored-logs.ts';

/** What the commands need of the process besides their requests. */
export interface WiringContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly stdin: Readable;
  /** For archives (`dest=-`); nothing else is written there meanwhile. */
  readonly stdout: NodeJS.WritableStream;
}

/** Where programs are looked for when PATH is not set, and always: they are often outside an ordinary user's PATH. */
const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function searchPath(env: WiringContext['env']): string {
  return `${env['PATH'] ?? ''}:${systemPath}`;
}

/** Makes the commands. */
export function createCommands(context: WiringContext): Promise<Commands> {
  const sources = new Map<string, string>();
  const commands: Commands = {
    build: async (request, sink, signal) => {
      const { runBuild } = await import('../build/build.ts');
      const outcome = await runBuild(request, buildPorts(context, request, sink, signal, sources));
      return {
        imageID: outcome.imageID,
        manifestDigest: outcome.manifestDigest,
        names: outcome.names,
        outputs: outcome.outputs.map((spec) => ({ type: spec.type, ...('dest' in spec ? { dest: spec.dest } : {}) })),
        durationMs: outcome.durationMs,
        stepsTotal: outcome.stepsTotal,
        stepsCached: outcome.stepsCached,
      };
    },
    check: async (request, signal) => (await import('../build/check.ts')).checkRequest(request, checkPorts(context, request, signal, sources)),
    outline: async (request, signal) => (await import('../build/check.ts')).outlineRequest(request, checkPorts(context, request, signal, sources)),
    targets: async (request, signal) => (await import('../build/check.ts')).targetsRequest(request, checkPorts(context, request, signal, sources)),
    parse: async (file) => (await import('./parse/parse-file.ts')).parseFile(file, { workingDirectory: context.workingDirectory, openStdin: () => context.stdin, onDockerfile: (name, text) => sources.set(name, text) }),
    context: async (request, signal) => (await import('../build/list-context.ts')).describeContext(request, checkPorts(context, { secrets: [], ssh: [] }, signal, sources)),
    graph: async (request, format, signal) => {
      const [{ planBuild }, { renderGraph }] = await Promise.all([import('../build/build.ts'), import('../graph/render.ts')]);
      return renderGraph(await planBuild(request, buildPorts(context, request, () => undefined, signal, sources)), format);
    },
    doctor: async (terminal, { storeRoot }) => {
      const [{ probeMachine }, { judge }] = await Promise.all([import('../build/doctor/probe-machine.ts'), import('../build/doctor/judge.ts')]);
      return judge(await probeMachine({ storeRoot, terminal, searchPath: searchPath(context.env) }));
    },
    images: (request) => withStore(request, async (store) => (await import('../export/describe-images.ts')).listImages(store)),
    inspect: ({ names, platform }, request) =>
      withStore(request, async (store) => {
        const { inspectImage } = await import('../export/describe-images.ts');
        return (await Promise.all(names.map((name) => inspectImage(store, name, choiceOf(platform))))).flat();
      }),
    history: ({ name, platform }, request) => withStore(request, async (store) => (await import('../export/describe-images.ts')).historyOf(store, name, choiceOf(platform))),
    tag: (source, targets, request) => withStore(request, async (store) => (await import('../export/name-images.ts')).tagImage(store, source, targets)),
    remove: (names, request) => withStore(request, async (store) => (await import('../export/name-images.ts')).removeImages(store, names)),
    diskUse: (request) => withStore(request, async (store) => (await import('../build/prune/describe-use.ts')).describeUse(store)),
    prune: ({ all, kinds, until, keepBytes, dryRun }, request) =>
      withStore(request, async (store) => {
        const { pruneStore } = await import('../build/prune/prune.ts');
        const unusedSinceMs = until === null ? null : 'timeMs' in until ? until.timeMs : Date.now() - until.ageMs;
        return pruneStore(store, { all, kinds: kinds === null ? null : new Set(kinds), unusedSinceMs, keepBytes, dryRun, keepsOwn: false });
      }),
    verifyStore: async ({ repair }, request) => {
      const lost: VerifyReport['damages'][number][] = [];
      const onNotice = ({ code, text }: StoreNotice): void => {
        if (code === 'STORE_INDEX_LOST') lost.push({ code: 'INDEX_LOST', what: 'oci/index.json', text, repair: 'repaired' });
      };
      const { verifyStore } = await import('../build/prune/verify-store.ts');
      const report = await withStore(request, (store) => verifyStore(store, { repair, signal: request.signal }), onNotice);
      return { ...report, damages: [...lost, ...report.damages] };
    },
    save: (request, stored) =>
      withStore(stored, async (store) => {
        const [{ saveImages }, { writeDestination }] = await Promise.all([import('../export/save-images.ts'), import('../export/destination.ts')]);
        const archive = await saveImages(store, request.names, { format: request.format, platform: choiceOf(request.platform) });
        await writeDestination(request.output, archive, { stdout: context.stdout as BuildPorts['stdout'], record: store, signal: stored.signal });
      }),
    load: (input, request) =>
      withStore(request, async (store) => {
        const [{ loadArchive }, { decompress }] = await Promise.all([import('../source/load-archive.ts'), import('../source/decompress.ts')]);
        const archive = input === '-' ? (context.stdin as AsyncIterable<Uint8Array>) : input;
        const loaded = await loadArchive(store, archive, { decompress, io: { signal: request.signal, onProgress: () => undefined } });
        return loaded.map(({ name }) => name);
      }),
    logs: (request, stored) => openLog(stored.storeRoot, request),
    stepEnd: (request, stored) => readStepEnd(stored.storeRoot, request),
    sourceText: (file) => sources.get(file),
  };
  return Promise.resolve(commands);
}

function choiceOf(platform: string | null): PlatformChoice {
  const host = hostPlatform(process.arch);
  return { host, wanted: platform === null ? null : parsePlatform(platform, host) };
}

async function withStore<Result>({ storeRoot }: StoreRequest, work: (store: Store) => Promise<Result>, onNotice?: (notice: StoreNotice) => void): Promise<Result> {
  const { openBuildStore } = await import('../build/build-store.ts');
  const store = await openBuildStore(storeRoot, process.pid, onNotice);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

function checkPorts(context: WiringContext, request: Pick<BuildRequest, 'secrets' | 'ssh'>, signal: AbortSignal, sources: Map<string, string>): CheckPorts {
  const archiveBytesMax = context.env['TSBUILD_ARCHIVE_SIZE_MAX'] ?? '';
  return {
    workingDirectory: context.workingDirectory,
    // Nobody waits for a standard input that never ends after an interruption.
    openStdin: () => addAbortSignal(signal, context.stdin),
    architecture: process.arch,
    onDockerfile: (file, text) => sources.set(file, text),
    signal,
    processID: process.pid,
    searchPath: searchPath(context.env),
    registry: { env: context.env, homeDir: context.env['HOME'] ?? homedir() },
    secrets: createSecretProvider(request, context),
    ...(archiveBytesMax === '' ? {} : { archiveBytesMax: parseSize('TSBUILD_ARCHIVE_SIZE_MAX', archiveBytesMax) }),
  };
}

function buildPorts(context: WiringContext, request: BuildRequest, sink: EventSink, signal: AbortSignal, sources: Map<string, string>): BuildPorts {
  const startMs = Date.now() - performance.now();
  return {
    ...checkPorts(context, request, signal, sources),
    sink,
    stdout: context.stdout as BuildPorts['stdout'],
    clock: () => startMs + performance.now(),
    nowNs: () => BigInt(Date.now()) * 1_000_000n,
  };
}

/** What `--network default` means on this machine, in a few words for `--help`. */
export async function describeDefaultNetwork({ env }: Pick<WiringContext, 'env'>): Promise<string> {
  const { detectNetwork } = await import('../sandbox/network.ts');
  const found = await detectNetwork(searchPath(env));
  if (found.kind === 'found') return `isolated, with user-mode networking by ${found.programs[0].name}`;
  return "this machine's own network, because neither slirp4netns nor pasta is installed";
}
