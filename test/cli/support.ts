/** What the tests of the command line share: goldens, a fake process, recorded builds. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildEvent } from '../../src/base/events.ts';
import type { BuildSummary, Commands } from '../../src/cli/commands.ts';
import type { CliIo, Interruption } from '../../src/cli/io.ts';

const here = dirname(fileURLToPath(import.meta.url));

/** Compares with `golden/NAME.txt`; UPDATE_GOLDEN=1 rewrites it. */
export function checkGolden(name: string, actual: string): void {
  const file = join(here, 'golden', `${name}.txt`);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, actual);
  }
  assert.equal(actual, existsSync(file) ? readFileSync(file, 'utf8') : `(no golden: run with UPDATE_GOLDEN=1) ${file}`);
}

/** Escape sequences made visible, for goldens. */
export function visible(text: string): string {
  return text.replaceAll('\x1b', '␛').replaceAll('\r', '␍');
}

/** A process in memory. */
export interface FakeProcess {
  readonly io: CliIo;
  stdout: string;
  stderr: string;
  /** Sends an interruption. */
  interrupt(what: Interruption): void;
  /** Lets every timer fire once, after moving the clock. */
  advance(ms: number): void;
}

export function fakeProcess(options: { readonly tty?: boolean; readonly columns?: number; readonly rows?: number } = {}): FakeProcess {
  const tty = options.tty === true;
  const listeners = new Set<(what: Interruption) => void>();
  const timers = new Set<() => void>();
  let nowMs = 1000;
  const output = (stream: 'stdout' | 'stderr') => ({
    write: (chunk: string | Uint8Array) => { fake[stream] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8'); },
    isTTY: tty,
    columns: tty ? (options.columns ?? 80) : undefined,
    rows: tty ? (options.rows ?? 24) : undefined,
  });
  const fake: FakeProcess = {
    stdout: '',
    stderr: '',
    interrupt: (what) => { for (const listener of [...listeners]) listener(what); },
    advance: (ms) => { nowMs += ms; for (const timer of [...timers]) timer(); },
    io: {
      stdout: output('stdout'),
      stderr: output('stderr'),
      stdinIsTTY: tty,
      ask: () => Promise.resolve(''),
      user: { uid: 0, workingDirectory: '/work' },
      version: '1.2.3',
      now: () => nowMs,
      every: (_, callback) => { timers.add(callback); return () => { timers.delete(callback); }; },
      onInterruption: (callback) => { listeners.add(callback); return () => { listeners.delete(callback); }; },
      defaultNetwork: () => Promise.resolve('user-mode networking by pasta'),
    },
  };
  return fake;
}

/** Commands of which a test gives only those that it needs. */
export function fakeCommands(given: Partial<Commands>): () => Promise<Commands> {
  const refuse = (): never => { throw new Error('this test does not expect the command'); };
  const commands: Commands = {
    build: refuse, check: refuse, outline: refuse, targets: refuse, parse: refuse, context: refuse, doctor: refuse, graph: refuse, images: refuse, inspect: refuse, history: refuse, tag: refuse, remove: refuse, diskUse: refuse, prune: refuse, verifyStore: refuse, save: refuse,
    load: refuse, logs: refuse, stepEnd: refuse, sourceText: () => undefined, ...given,
  };
  return () => Promise.resolve(commands);
}

export const summary: BuildSummary = {
  imageID: `sha256:${'1a'.repeat(32)}`,
  manifestDigest: `sha256:${'2b'.repeat(32)}`,
  names: ['docker.io/library/app:latest'],
  outputs: [{ type: 'oci', dest: 'app.tar' }],
  durationMs: 3210,
  stepsTotal: 5,
  stepsCached: 1,
};

const step = (id: number, name: string) => ({ id, name });

/** Starts, talks about and ends steps with little to type; times are milliseconds after the start. */
export const say = {
  start: (timeMs: number, id: number, name: string): BuildEvent => ({ type: 'step-started', timeMs, step: step(id, name) }),
  log: (timeMs: number, id: number, text: string, stream: 'stdout' | 'stderr' = 'stdout'): BuildEvent => ({ type: 'step-log', timeMs, id, stream, text }),
  note: (timeMs: number, id: number, text: string): BuildEvent => ({ type: 'step-note', timeMs, id, text }),
  bytes: (timeMs: number, id: number, item: string, currentBytes: number, totalBytes: number): BuildEvent =>
    ({ type: 'step-progress', timeMs, id, item, currentBytes, totalBytes, done: currentBytes === totalBytes }),
  done: (timeMs: number, id: number, durationMs: number): BuildEvent => ({ type: 'step-done', timeMs, id, cached: false, durationMs }),
  cached: (timeMs: number, id: number): BuildEvent => ({ type: 'step-done', timeMs, id, cached: true, durationMs: 0 }),
  failed: (timeMs: number, id: number, durationMs: number, message: string, logPath: string): BuildEvent =>
    ({ type: 'step-failed', timeMs, id, durationMs, message, logPath }),
  canceled: (timeMs: number, id: number): BuildEvent => ({ type: 'step-canceled', timeMs, id }),
};

/** A build of five steps, two of them at once, one cached, with a download, a notice and awkward output. */
export function recordedBuild(): BuildEvent[] {
  const names = ['[internal] load build context', '[base 1/1] FROM docker.io/library/alpine:3.20', '[builder 2/3] RUN make -j4', '[web 2/3] RUN npm ci', '[stage-2 3/3] COPY --from=builder /out /'];
  return [
    { type: 'build-started', timeMs: 0, target: 'stage-2', steps: names.map((name, id) => step(id + 1, name)) },
    { type: 'notice', timeMs: 1, level: 'warning', code: 'FromAsCasing', text: "'as' and 'FROM' keywords' casing do not match", position: { file: 'Dockerfile', startLine: 4, endLine: 4 } },
    say.start(2, 1, names[0] ?? ''),
    say.done(20, 1, 18),
    say.start(21, 2, names[1] ?? ''),
    ...[0, 0.2, 0.4, 0.6, 0.8, 1].map((part) => say.bytes(100 + part * 2000, 2, 'sha256:3f4d90098f5b', part * 3_623_807, 3_623_807)),
    say.done(2200, 2, 2179),
    say.start(2201, 3, names[2] ?? ''),
    say.note(2202, 3, 'miss: RUN make -j4 — changed src/a.c; new .env (+3)'),
    say.start(2203, 4, names[3] ?? ''),
    say.log(2513, 3, 'cc -c a.c\ncc -c'),
    say.log(2600, 3, ' b.c\n'),
    say.log(2700, 4, 'fetch  10%\rfetch  50%\r'),
    say.log(2900, 4, 'fetch 100%\n\x1b[32madded 210 packages\x1b[0m\r\n'),
    say.log(3100, 3, 'warning: a.c:3: 変数 unused\n', 'stderr'),
    say.done(4400, 4, 2197),
    say.log(14700, 3, 'link'),
    say.done(14800, 3, 12599),
    say.start(14801, 5, names[4] ?? ''),
    say.cached(14802, 5),
    { type: 'build-done', timeMs: 14810, durationMs: 14810, stepsTotal: 5, stepsCached: 1 },
  ];
}

/** A build whose third step fails while the fourth runs. */
export function failingBuild(): BuildEvent[] {
  const names = ['[1/3] FROM docker.io/library/alpine:3.20', '[2/3] RUN echo ok', '[3/3] RUN make test', '[other 2/2] RUN sleep 60'];
  return [
    { type: 'build-started', timeMs: 0, target: 'stage-0', steps: names.map((name, id) => step(id + 1, name)) },
    ...[1, 2].flatMap((id) => [say.start(id, id, names[id - 1] ?? ''), say.cached(id, id)]),
    say.start(10, 3, names[2] ?? ''),
    say.start(11, 4, names[3] ?? ''),
    ...Array.from({ length: 30 }, (_, index) => say.log(20 + index, 3, `ok ${index + 1} - works\n`)),
    say.log(60, 3, 'not ok 31 - breaks\nmake: *** [test] Error 2', 'stderr'),
    say.failed(70, 3, 60, 'process "/bin/sh -c make test" did not complete successfully: exit code: 2', '/var/lib/tsbuild/logs/3.log'),
    say.canceled(80, 4),
    { type: 'build-done', timeMs: 81, durationMs: 81, stepsTotal: 4, stepsCached: 2 },
  ];
}
