/** `tsbuild check`, `--call` and `--check` over the real commands, in this process. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { runCli } from '../../src/cli/run-cli.ts';
import { createCommands } from '../../src/cli/wiring.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { Interruption } from '../../src/cli/io.ts';
import { checkGolden, fakeProcess, visible } from './support.ts';

interface Called { readonly code: number; readonly stdout: string; readonly stderr: string }

interface CallSettings {
  /** Sent while standard input stays open. */
  readonly interrupt?: Interruption;
  readonly files?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly tty?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a call in a folder with these files. */
async function call(t: TestContext, line: string, { files = {}, stdin = '', tty = false, env = {}, interrupt }: CallSettings = {}): Promise<Called> {
  const folder = temporaryFolder(t);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  const fake = fakeProcess({ tty });
  const input = interrupt === undefined ? Readable.from([Buffer.from(stdin)]) : new Readable({ read: () => { fake.interrupt(interrupt); } });
  const context = { env, workingDirectory: folder, stdin: input, stdout: new PassThrough() };
  const code = await runCli(line.split(' '), env, fake.io, () => createCommands(context));
  return { code, stdout: fake.stdout, stderr: fake.stderr };
}

/** As far as the tests look at it. */
interface LintResult { readonly warnings: readonly unknown[]; readonly sources: readonly { readonly data: string }[]; readonly buildError?: unknown }
interface Sarif { readonly runs: readonly { readonly results: readonly unknown[]; readonly invocations: unknown }[] }

async function document<Document>(t: TestContext, line: string, settings: CallSettings): Promise<Document> {
  return JSON.parse((await call(t, line, settings)).stdout) as Document;
}

const dockerfile = `# check=experimental=InvalidDefinitionDescription

# VERSION of the base
ARG VERSION=1.2
FROM alpine:$VERSION as Base
ARG VERSION
COPY $foo \\

  /app/
RUN --mount=type=secret,id=npm,required=true --mount=type=cache,target=/root/.npm make

# app the program
FROM base AS app
COPY secret.txt /
CMD app
`;
const files = { Dockerfile: dockerfile, '.dockerignore': 'secret.txt\n' };
const clean = { files: { Dockerfile: 'FROM scratch\nCOPY a /\n' } };

test('check shows each finding with its lines, and ends well', async (t) => {
  const { code, stdout, stderr } = await call(t, 'check', { files });
  assert.deepEqual([code, stderr], [0, '']);
  checkGolden('check-text', stdout);
});

test('check --json is BuildKit\'s lint result', async (t) => {
  const { code, stdout, stderr } = await call(t, 'check --json .', { files });
  assert.deepEqual([code, stderr], [0, '']);
  checkGolden('check-json', stdout);
  const { sources } = await document<LintResult>(t, 'check --json .', { files });
  assert.equal(Buffer.from(sources[0]?.data ?? '', 'base64').toString(), dockerfile);
  assert.equal((await call(t, '--call=check,format=json .', { files })).stdout, stdout);
});

test('check --format sarif names rules, lines and where to read on', async (t) => {
  const { code, stdout, stderr } = await call(t, 'check --format sarif -f sub/my%20file/Dockerfile sub', { files: { 'sub/my%20file/Dockerfile': dockerfile } });
  assert.deepEqual([code, stderr], [0, '']);
  checkGolden('check-sarif', stdout);
});

test('check without findings says so', async (t) => {
  assert.deepEqual(await call(t, 'check', clean), { code: 0, stdout: 'Check complete, no warnings found.\n', stderr: '' });
  assert.deepEqual((await document<LintResult>(t, 'check --json', clean)).warnings, []);
  assert.deepEqual((await document<Sarif>(t, 'check --format sarif', clean)).runs[0]?.results, []);
});

test('--check and --call=check are the same call', async (t) => {
  const { stdout } = await call(t, 'check .', { files });
  for (const line of ['--check .', 'build --check -t app -o out .', '--call=check .', '--call lint .']) {
    assert.deepEqual(await call(t, line, { files }), { code: 0, stdout, stderr: '' }, line);
  }
});

test('exit codes: 2 for findings under --strict or error=true, and for a file that is wrong', async (t) => {
  const strictFile = { files: { Dockerfile: '# check=error=true\nFROM scratch as a\n' } };
  const wrongFile = { files: { Dockerfile: 'FROM scratch as a\nCOPPY a /\n' } };
  for (const [line, settings, code, stderr] of [
    ['check --strict', { files }, 2, /^ERROR: lint violation found for rules: CopyIgnoredFile, .*UndefinedVar \(CHECK_FAILED\)\nhint: /],
    ['check --strict', clean, 0, /^$/],
    ['check', strictFile, 2, /^ERROR: lint violation found for rules: FromAsCasing \(CHECK_FAILED\)/],
    ['check --json', strictFile, 2, /^ERROR: lint violation/],
    ['--call=check,ignorestatus=true .', strictFile, 0, /^$/],
    ['check --build-arg BUILDKIT_DOCKERFILE_CHECK=skip=all', strictFile, 0, /^$/],
    ['check', wrongFile, 2, /Dockerfile:2\n-+\n.*>>> COPPY a \/\n.*ERROR: unknown instruction: COPPY \(INSTRUCTION_UNKNOWN\)\nhint: Did you mean COPY\?\n$/s],
    ['--call=check,ignorestatus=true .', wrongFile, 2, /INSTRUCTION_UNKNOWN/],
    ['check', { files: { Dockerfile: 'FROM scratch\nRUN <<E\n' } }, 2, /HEREDOC_UNTERMINATED/],
    ['check', { files: { Dockerfile: '# check=skip\nFROM scratch\n' } }, 2, /Dockerfile:1\n.*CHECK_OPTION/s],
    ['check', { files: { Dockerfile: '# syntax=other/frontend\nFROM scratch\n' } }, 2, /SYNTAX_UNSUPPORTED/],
    ['check', { files: { Dockerfile: 'FROM scratch\nCOPY a /\n', '.dockerignore': '!\n' } }, 2, /IGNORE_INVALID/],
    ['check --target x', clean, 2, /TARGET_NOT_FOUND/],
    ['check', {}, 2, /DOCKERFILE_MISSING/],
  ] as const) {
    const called = await call(t, line, settings);
    assert.equal(called.code, code, `${line} ${JSON.stringify(settings)}\n${called.stderr}`);
    assert.match(called.stderr, stderr, line);
  }
});

test('findings before a mistake are shown, and programs get the mistake too', async (t) => {
  const wrong = { files: { Dockerfile: 'FROM scratch as a\nCOPPY a /\n' } };
  const text = await call(t, 'check', wrong);
  assert.match(text.stdout, /^Check complete, 1 warning has been found!\n\nWARNING: FromAsCasing - https:/);
  const json = await document<LintResult>(t, 'check --json', wrong);
  assert.deepEqual([json.warnings.length, json.buildError], [1, { message: 'unknown instruction: COPPY', location: { ranges: [{ start: { line: 2 }, end: { line: 2 } }] } }]);
  const sarif = await document<Sarif>(t, 'check --format sarif', wrong);
  const region = { startLine: 2, endLine: 2 };
  assert.deepEqual(sarif.runs[0]?.invocations, [{
    executionSuccessful: false,
    toolExecutionNotifications: [{
      level: 'error', descriptor: { id: 'INSTRUCTION_UNKNOWN' }, message: { text: 'unknown instruction: COPPY' },
      locations: [{ physicalLocation: { artifactLocation: { uri: 'Dockerfile' }, region } }],
    }],
  }]);
});

test('a Dockerfile comes from standard input, without ignore rules', async (t) => {
  const stdin = 'FROM scratch as a\nCOPY secret.txt /\n';
  for (const line of ['check -', 'check -f - .']) assert.match((await call(t, line, { stdin })).stdout, /^Check complete, 1 warning .*\n-:1\n/s, line);
  const both = await call(t, 'check -f - .', { stdin, files: { '.dockerignore': 'secret.txt' } });
  assert.match(both.stdout, /CopyIgnoredFile/);
});

test('an interruption ends the waiting for standard input', async (t) => {
  const { code, stdout, stderr } = await call(t, 'check -', { interrupt: 'SIGINT' });
  assert.deepEqual([code, stdout], [130, '']);
  assert.match(stderr, /INTERRUPTED/);
});

test('one platform stands for several', async (t) => {
  assert.equal((await call(t, 'check --platform linux/amd64,linux/arm64', clean)).code, 0);
});

test('the ignore file of the Dockerfile comes before that of the context', async (t) => {
  const own = { files: { ...files, 'Dockerfile.dockerignore': 'other\n' } };
  assert.doesNotMatch((await call(t, 'check', own)).stdout, /CopyIgnoredFile/);
  const exceptions = { files: { ...files, '.dockerignore': 'secret*\n!secret.txt\n' } };
  assert.doesNotMatch((await call(t, 'check', exceptions)).stdout, /CopyIgnoredFile/);
  const others = { files: { ...files, '.dockerignore': 'secret*\n!secret.md\n' } };
  assert.match((await call(t, 'check', others)).stdout, /CopyIgnoredFile/);
});

test('colours are for terminals that want them, and text from the file does not reach them', async (t) => {
  const hostile = { files: { Dockerfile: 'FROM scratch\nENV TOKEN_\x1b[31m=1\nCOPY $x /\x1b]0;title\x07\n' } };
  const plain = await call(t, 'check', hostile);
  assert.doesNotMatch(plain.stdout, /\x1b/);
  assert.match(visible((await call(t, 'check', { ...hostile, tty: true })).stdout), /␛\[33mWARNING: UndefinedVar␛\[39m - https/);
  assert.doesNotMatch((await call(t, 'check', { ...hostile, tty: true, env: { NO_COLOR: '1' } })).stdout, /\x1b/);
});

test('--call=outline shows what a target can be given', async (t) => {
  const { code, stdout, stderr } = await call(t, '--call=outline --build-arg VERSION=2 .', { files });
  assert.deepEqual([code, stderr], [0, '']);
  checkGolden('outline-text', stdout);
  checkGolden('outline-json', (await call(t, '--call=outline,format=json .', { files })).stdout);
  assert.deepEqual(await call(t, '--call=outline .', clean), { code: 0, stdout: '', stderr: '' });
});

test('--call=targets shows the stages', async (t) => {
  const { code, stdout, stderr } = await call(t, '--call=targets .', { files });
  assert.deepEqual([code, stderr], [0, '']);
  checkGolden('targets-text', stdout);
  checkGolden('targets-json', (await call(t, '--call=targets,format=json .', { files })).stdout);
  assert.equal((await call(t, '--call=targets .', { files: { Dockerfile: 'NOPE\n' } })).code, 2);
});

test('of very many findings the first are shown in full', async (t) => {
  const { stdout } = await call(t, 'check', { files: { Dockerfile: `FROM scratch\n${'COPY $a /\n'.repeat(300)}` } });
  assert.match(stdout, /^Check complete, 300 warnings have been found!\n/);
  assert.equal(stdout.match(/^WARNING: /gm)?.length, 200);
  assert.match(stdout, /\nand 100 more: --format json has them all\n$/);
});
