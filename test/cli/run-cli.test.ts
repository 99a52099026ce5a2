import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import type { BuildEvent, StepEnd } from '../../src/base/events.ts';
import type { Commands } from '../../src/cli/commands.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import { checkGolden, failingBuild, fakeCommands, fakeProcess, recordedBuild, summary, type FakeProcess } from './support.ts';

interface Outcome { readonly code: number; readonly stdout: string; readonly stderr: string }

/** Runs a call over fake commands. */
async function run(line: string, given: Partial<Commands> = {}, env: Readonly<Record<string, string>> = {}, fake: FakeProcess = fakeProcess()): Promise<Outcome> {
  const code = await runCli(line.split(' ').filter((word) => word !== ''), env, fake.io, fakeCommands(given));
  return { code, stdout: fake.stdout, stderr: fake.stderr };
}

const play = (events: readonly BuildEvent[]): Commands['build'] => (_request, sink) => {
  for (const event of events) sink(event);
  return Promise.resolve(summary);
};

const fail = (events: readonly BuildEvent[], error: Error): Commands['build'] => (_request, sink) => {
  for (const event of events) sink(event);
  return Promise.reject(error);
};

const stepFailed = new TsbuildError('step', 'STEP_FAILED', 'process "/bin/sh -c make test" did not complete successfully: exit code: 2', { position: { file: 'Dockerfile', startLine: 3, endLine: 3 } });

test('a build shows its steps and what it made', async () => {
  const { code, stdout, stderr } = await run('-t app .', { build: play(recordedBuild()) });
  assert.equal(code, 0);
  assert.equal(stdout, '');
  checkGolden('run-build', stderr);
});

test('a failing build shows the step, the Dockerfile and where the log is', async () => {
  const sourceText = (file: string) => (file === 'Dockerfile' ? 'FROM alpine:3.20\nRUN echo ok\nRUN make test\n' : undefined);
  const { code, stdout, stderr } = await run('.', { build: fail(failingBuild(), stepFailed), sourceText });
  assert.equal(code, 1);
  assert.equal(stdout, '');
  checkGolden('run-failure', stderr);
});

test('-q prints the image ID and nothing else', async () => {
  assert.deepEqual(await run('-q .', { build: play(recordedBuild()) }), { code: 0, stdout: `${summary.imageID ?? ''}\n`, stderr: '' });
});

test('-q with an archive on standard output prints nothing', async () => {
  assert.deepEqual(await run('-q -o type=oci,dest=- .', { build: play(recordedBuild()) }), { code: 0, stdout: '', stderr: '' });
});

test('-q still shows the error', async () => {
  const { code, stderr } = await run('-q .', { build: fail(failingBuild(), stepFailed) });
  assert.equal(code, 1);
  assert.match(stderr, /not ok 31 - breaks\n.*\n------\n.*ERROR: process/s);
});

test('rawjson writes the events as they are, then the result, one a line', async () => {
  const { stderr } = await run('--progress rawjson .', { build: play(recordedBuild()) });
  const lines = stderr.trimEnd().split('\n').map((line) => JSON.parse(line) as unknown);
  assert.deepEqual(lines, [...recordedBuild(), { type: 'result', ...summary }]);
});

test('rawjson ends with the error as JSON', async () => {
  const { code, stderr } = await run('--progress rawjson .', { build: fail([], stepFailed) });
  assert.equal(code, 1);
  assert.deepEqual(JSON.parse(stderr), {
    type: 'error', code: 'STEP_FAILED', errorClass: 'step', exitCode: 1, message: stepFailed.message, position: stepFailed.position, details: {},
  });
});

test('auto is plain without a terminal, in CI and on a dumb terminal, and tty otherwise', async () => {
  const isLive = async (env: Readonly<Record<string, string>>, tty: boolean) =>
    (await run('.', { build: play(recordedBuild()) }, env, fakeProcess({ tty }))).stderr.includes('[+] Building');
  assert.equal(await isLive({ TERM: 'xterm' }, true), true);
  assert.equal(await isLive({ TERM: 'xterm' }, false), false);
  assert.equal(await isLive({ TERM: 'dumb' }, true), false);
  assert.equal(await isLive({ TERM: 'xterm', CI: 'true' }, true), false);
  assert.equal(await isLive({ TERM: 'xterm', CI: 'false' }, true), true);
});

test('--progress=tty without a terminal is refused', async () => {
  const { code, stderr } = await run('--progress tty .');
  assert.equal(code, 2);
  assert.match(stderr, /PROGRESS_NO_TTY/);
});

test('an archive does not go to a terminal', async () => {
  for (const line of ['-o - .', 'save app', 'load']) {
    const { code, stderr } = await run(line, {}, {}, fakeProcess({ tty: true }));
    assert.equal(code, 2, line);
    assert.match(stderr, /terminal/);
  }
});

/** A build that ends only when it is aborted, with what `reject` makes of the reason. */
async function runInterrupted(reject: (reason: Error) => Error, interrupt: (fake: FakeProcess) => void): Promise<Outcome> {
  const fake = fakeProcess();
  const build: Commands['build'] = (_request, _sink, signal) => new Promise((_, refuse) => {
    signal.addEventListener('abort', () => { setImmediate(() => { assert.ok(signal.reason instanceof Error); refuse(reject(signal.reason)); }); });
    setImmediate(() => { interrupt(fake); });
  });
  return run('.', { build }, {}, fake);
}

test('the first Ctrl-C aborts, the second says that cleaning up takes its time', async () => {
  const outcome = await runInterrupted((reason) => reason, (fake) => { fake.interrupt('SIGINT'); fake.interrupt('SIGINT'); });
  assert.equal(outcome.code, 130);
  checkGolden('run-interrupted', outcome.stderr);
});

for (const what of ['SIGTERM', 'SIGHUP', 'OUTPUT_CLOSED'] as const) {
  test(`${what} ends a build with exit code 130`, async () => {
    assert.equal((await runInterrupted((reason) => reason, (fake) => { fake.interrupt(what); })).code, 130);
  });
}

test('what fails while cleaning up is shown as the cause of the interruption', async () => {
  const { code, stderr } = await runInterrupted(() => new TsbuildError('machine', 'UNMOUNT', 'unmount /x: busy'), (fake) => { fake.interrupt('SIGTERM'); });
  assert.equal(code, 130);
  assert.match(stderr, /ERROR: interrupted: SIGTERM \(INTERRUPTED\)\n {2}cause: unmount \/x: busy \(UNMOUNT\)/);
});

test('an AbortError after an interruption is only its echo', async () => {
  const { stderr } = await runInterrupted(() => new DOMException('aborted', 'AbortError'), (fake) => { fake.interrupt('SIGINT'); });
  assert.doesNotMatch(stderr, /cause:/);
});

test('a renderer that breaks does not break the build', async () => {
  const events = [...recordedBuild(), { type: 'nonsense' } as unknown as BuildEvent];
  const { code, stderr } = await run('.', { build: play(events) });
  assert.equal(code, 0);
  assert.match(stderr, /PROGRESS_BROKEN/);
});

test('timers and listeners are gone after a build', async () => {
  const fake = fakeProcess();
  await run('.', { build: play(recordedBuild()) }, {}, fake);
  const before = fake.stderr;
  fake.advance(1000);
  fake.interrupt('SIGINT');
  assert.equal(fake.stderr, before);
});

test('--help and wrong usage load nothing', async () => {
  const loaded = () => Promise.reject(new Error('loaded'));
  const fake = fakeProcess();
  assert.equal(await runCli(['--help'], {}, fake.io, loaded), 0);
  assert.equal(await runCli(['--nope', '.'], {}, fake.io, loaded), 2);
  assert.match(fake.stderr, /^ERROR: unknown option '--nope' \(USAGE\)\nhint: See tsbuild build --help\.\n$/);
});

test('an error that nobody made is a bug, with exit code 70 and without a stack', async () => {
  const { code, stderr } = await run('images', { images: () => Promise.reject(new TypeError('x is undefined')) });
  assert.equal(code, 70);
  assert.match(stderr, /^ERROR: x is undefined \(UNEXPECTED\)\nhint: This is a bug/);
  assert.doesNotMatch(stderr, /\n +at /);
});

const images = [
  { name: 'docker.io/library/app:latest', imageID: `sha256:${'1a'.repeat(32)}`, manifestDigest: `sha256:${'2b'.repeat(32)}`, created: '1980-01-02T00:00:00Z', sizeBytes: 12_345_678, platforms: ['linux/amd64'] },
  { name: 'localhost:5000/a\x1b[2J:1', imageID: `sha256:${'3c'.repeat(32)}`, manifestDigest: `sha256:${'4d'.repeat(32)}`, sizeBytes: 0, platforms: ['linux/amd64', 'linux/arm64'] },
];
const history = [
  { created: '1980-01-02T00:00:00Z', createdBy: 'RUN /bin/sh -c apk add --no-cache build-base curl git openssl # buildkit', comment: 'buildkit.dockerfile.v0', sizeBytes: 210_000_000, diffID: 'sha256:x' },
  { createdBy: 'CMD ["/bin/sh"]', sizeBytes: 0 },
];

test('images prints a table, or JSON', async () => {
  checkGolden('run-images', (await run('images', { images: () => Promise.resolve(images) })).stdout);
  assert.deepEqual(JSON.parse((await run('images --json', { images: () => Promise.resolve(images) })).stdout), images);
});

test('history cuts commands on a terminal only', async () => {
  checkGolden('run-history', (await run('history app', { history: () => Promise.resolve(history) })).stdout);
  const onTerminal = await run('history app', { history: () => Promise.resolve(history) }, {}, fakeProcess({ tty: true }));
  checkGolden('run-history-terminal', onTerminal.stdout);
});

test('the other commands print what came back', async () => {
  const all: Partial<Commands> = {
    graph: (_request, format) => Promise.resolve(`graph as ${format}\n`),
    inspect: ({ names }) => Promise.resolve(names.map((name) => ({ name }))),
    tag: (_source, targets) => Promise.resolve(targets.map((name) => `docker.io/library/${name}:latest`)),
    remove: (names) => Promise.resolve(names),
    save: () => Promise.resolve(),
    load: () => Promise.resolve(['docker.io/library/app:latest']),
  };
  const lines = ['graph --format dot .', 'inspect a b', 'tag a b c', 'rm a', 'save -o f a', 'load -i f'];
  const outputs: string[] = [];
  for (const line of lines) {
    const { code, stdout, stderr } = await run(line, all);
    assert.equal(code, 0);
    assert.equal(stderr, '');
    outputs.push(`$ tsbuild ${line}\n${stdout}`);
  }
  checkGolden('run-others', outputs.join('\n'));
});

async function* chunks(...parts: readonly string[]): AsyncIterable<Uint8Array> {
  for (const part of parts) yield await Promise.resolve(Buffer.from(part));
}

test('logs gives a pipe the bytes and a terminal harmless text', async () => {
  const log = ['a\x1b[31mb\nc', 'd\n変', '数'];
  const logs = () => chunks(...log);
  const stepEnd = () => Promise.resolve(null);
  assert.equal((await run('logs 1', { logs, stepEnd })).stdout, log.join(''));
  assert.equal((await run('logs 1', { logs, stepEnd }, {}, fakeProcess({ tty: true }))).stdout, 'ab\ncd\n変数\n');
});

test('logs says on standard error how the step ended and what it used', async () => {
  const usage = { userMs: 1200, systemMs: 300, peakMemoryBytes: 34_500_000, readBytes: 0, writtenBytes: 3_200_000 };
  const said = async (end: StepEnd): Promise<string> => (await run('logs 1', { logs: () => chunks('x'), stepEnd: () => Promise.resolve(end) })).stderr;
  assert.equal(await said({ exitCode: 0, signal: null, usage }), 'exit code 0; 1.5s of processor time, 34.50MB of memory at most, 0B read, 3.20MB written\n');
  assert.equal(await said({ exitCode: null, signal: 'SIGKILL', usage: { userMs: 1, systemMs: 1 } }), 'killed by SIGKILL; 0.0s of processor time\n');
});
