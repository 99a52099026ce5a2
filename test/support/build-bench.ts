/** Builds in this process that share one store: each call is one Dockerfile with a context of its own. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build, TsbuildError, type BuildEvent, type BuildOptions, type BuildResult } from '../../src/index.ts';
import { baseImage } from './base-images.ts';
import { stepLives } from './raw-events.ts';

/** What one build came to. */
export interface BenchOutcome {
  readonly result: BuildResult;
  readonly events: readonly BuildEvent[];
  /** Standard output of all steps. */
  readonly log: string;
  readonly errorLog: string;
  /** Lines about steps, such as why one ran. */
  readonly notes: readonly string[];
  /** Instructions that were carried out, not taken from the cache. */
  readonly performed: readonly string[];
}

export type BenchOptions = Partial<BuildOptions> & { readonly files?: Readonly<Record<string, string | Uint8Array>> };

export interface Bench {
  readonly folder: string;
  readonly storeRoot: string;
  /** Builds the lines, the first of which is often `FROM base`, and must succeed. */
  run(lines: string | readonly string[], options?: BenchOptions): Promise<BenchOutcome>;
  /** Builds, and must fail with a TsbuildError. */
  fail(lines: string | readonly string[], options?: BenchOptions): Promise<{ readonly error: TsbuildError; readonly log: string; readonly events: readonly BuildEvent[] }>;
  /** Writes a context and gives the options of its build. */
  prepare(lines: string | readonly string[], options?: BenchOptions): Promise<BuildOptions>;
  close(): Promise<void>;
}

export async function openBench(): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'tsbuild-bench-'));
  const storeRoot = join(folder, 'store');
  const base = { name: 'base', value: `oci-layout://${await baseImage('busybox')}:latest` };
  let count = 0;
  const prepare: Bench['prepare'] = async (lines, { files = {}, ...options } = {}) => {
    const context = join(folder, `context${(count += 1)}`);
    const all = { ...files, Dockerfile: typeof lines === 'string' ? lines : `${lines.join('\n')}\n` };
    for (const [name, content] of Object.entries(all)) {
      await mkdir(dirname(join(context, name)), { recursive: true });
      await writeFile(join(context, name), content);
    }
    return { context, storeRoot, network: 'none', ...options, buildContexts: [base, ...(options.buildContexts ?? [])] };
  };
  return {
    folder,
    storeRoot,
    prepare,
    run: async (lines, options) => {
      const { running, events } = await watch(await prepare(lines, options));
      const result = await running.result;
      return { result, events, ...wordsOf(events), performed: performedOf(events) };
    },
    fail: async (lines, options) => {
      const { running, events } = await watch(await prepare(lines, options));
      const error: unknown = await running.result.then(() => new Error('the build succeeded'), (reason: unknown) => reason);
      if (!(error instanceof TsbuildError)) throw error;
      return { error, events, log: wordsOf(events).log };
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

async function watch(options: BuildOptions): Promise<{ readonly running: ReturnType<typeof build>; readonly events: readonly BuildEvent[] }> {
  const running = build(options);
  const events: BuildEvent[] = [];
  for await (const event of running) events.push(event);
  return { running, events };
}

function wordsOf(events: readonly BuildEvent[]): Pick<BenchOutcome, 'log' | 'errorLog' | 'notes'> {
  const logOf = (stream: 'stdout' | 'stderr'): string => events.flatMap((event) => (event.type === 'step-log' && event.stream === stream ? [event.text] : [])).join('');
  return { log: logOf('stdout'), errorLog: logOf('stderr'), notes: events.flatMap((event) => (event.type === 'step-note' ? [event.text] : [])) };
}

function performedOf(events: readonly BuildEvent[]): readonly string[] {
  return stepLives(events).filter(({ cached, step }) => !cached && step.position !== undefined).map(({ step }) => step.instruction ?? '').filter((text) => !text.startsWith('FROM'));
}
