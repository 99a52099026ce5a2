/**
 * tsbuild as a library: `build` takes options and gives a stream of typed events and a typed result.
 * It reads no environment variable, prints nothing and never exits the process.
 */
import { Readable, type Writable } from 'node:stream';
import { homedir } from 'node:os';
import type { BuildEvent } from './base/events.ts';
import { runBuild, type BuildOutcome, type BuildPorts } from './build/build.ts';
import type { BuildRequest } from './build/build-request.ts';
import { noGroupLimits, type GroupLimits } from './sandbox/cgroup/group-limits.ts';
import { createSecretProvider } from './build/secret-provider.ts';

export { TsbuildError, exitCodes, type ErrorClass, type SourceRange } from './base/errors.ts';
export type { BuildEvent, StepDescription, StepUsage } from './base/events.ts';
export type { BuildOutcome as BuildResult } from './build/build.ts';
export type { BuildRequest } from './build/build-request.ts';

/** What to build. Only the context and the store have no default; every other field means the option of its name. */
export interface BuildOptions extends Partial<Omit<BuildRequest, 'context' | 'storeRoot' | 'limits'>> {
  /** Of each RUN step; none where they are not given, but that of processes. */
  readonly limits?: Partial<GroupLimits>;
  /** The directory whose files COPY sees. */
  readonly context: string;
  /** Where images and the cache are kept; made on demand. */
  readonly storeRoot: string;
  /** Stops the build; the result then rejects with the signal's reason, after everything was cleaned up. */
  readonly signal?: AbortSignal;
  /** What relative paths are relative to. Default: the current directory of the process. */
  readonly workingDirectory?: string;
  /** Proxies, `DOCKER_CONFIG` and certificate bundles for the registry client, and secrets from variables. Default: none. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Values of secrets by id. */
  readonly secretValues?: Readonly<Record<string, Uint8Array>>;
  /** Gets what an output with `dest=-` writes. Default: such outputs fail. */
  readonly stdout?: Writable;
}

/** A running build: iterate over it for its events, await `result` for what it made. */
export interface Build extends AsyncIterable<BuildEvent> {
  readonly result: Promise<BuildOutcome>;
}

const defaults: Omit<BuildRequest, 'context' | 'storeRoot'> = {
  file: null,
  tags: [],
  target: null,
  buildArgs: [],
  buildContexts: [],
  contextModes: 'keep',
  secrets: [],
  ssh: [],
  platforms: [],
  labels: [],
  annotations: [],
  noCache: false,
  noCacheFilter: [],
  pull: false,
  network: 'default',
  isolation: 'default',
  addHosts: [],
  ulimits: [],
  shmSizeBytes: null,
  userns: 'host',
  limits: noGroupLimits,
  iidFile: null,
  metadataFile: null,
  outputs: [],
  allow: [],
  timestamps: 'constant',
  sourceDateEpoch: null,
  cacheBudget: 'default',
  jobs: null,
};

const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Starts a build. Events wait in memory until they are read; a build whose events nobody reads keeps none.
 * @throws (through `result`) TsbuildError
 */
export function build(options: BuildOptions): Build {
  const events = new EventQueue();
  const result = runBuild(requestOf(options), portsOf(options, events)).finally(() => events.end());
  result.catch(() => undefined); // whoever awaits `result` gets the error; nobody has to
  return { result, [Symbol.asyncIterator]: () => events.read() };
}

/** The fields of a request that the caller gave, the defaults for the rest. */
function requestOf(options: BuildOptions): BuildRequest {
  const given = Object.entries(options).filter(([name, value]) => value !== undefined && (name in defaults || name === 'context' || name === 'storeRoot'));
  return { ...defaults, context: options.context, storeRoot: options.storeRoot, ...Object.fromEntries(given), limits: { ...noGroupLimits, ...options.limits } };
}

function portsOf(options: BuildOptions, events: EventQueue): BuildPorts {
  const env = options.env ?? {};
  const workingDirectory = options.workingDirectory ?? process.cwd();
  const values = new Map(Object.entries(options.secretValues ?? {}));
  return {
    sink: (event) => events.push(event),
    signal: options.signal ?? new AbortController().signal,
    stdout: options.stdout ?? process.stdout,
    workingDirectory,
    openStdin: () => Readable.from([]),
    clock: () => performance.timeOrigin + performance.now(),
    nowNs: () => BigInt(Date.now()) * 1_000_000n,
    processID: process.pid,
    architecture: process.arch,
    searchPath,
    registry: { env, homeDir: homedir() },
    secrets: createSecretProvider({ secrets: options.secrets ?? [], ssh: options.ssh ?? [] }, { env, workingDirectory, values }),
  };
}

/** Events between the build that sends them and one reader. */
class EventQueue {
  readonly #waiting: BuildEvent[] = [];
  #wake: (() => void) | null = null;
  #hasEnded = false;

  push(event: BuildEvent): void {
    this.#waiting.push(event);
    this.#wake?.();
  }

  end(): void {
    this.#hasEnded = true;
    this.#wake?.();
  }

  async *read(): AsyncGenerator<BuildEvent> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) yield next;
      else if (this.#hasEnded) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = null;
      }
    }
  }
}
