import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import type { FailedStep } from '../../src/cli/progress/failure.ts';
import { exitCodeOf, renderError } from '../../src/cli/render-error.ts';
import { checkGolden } from './support.ts';

const dockerfileText = ['FROM alpine:3.20 AS base', 'WORKDIR /src', 'COPY . .', 'RUN make && \\', '    make test', 'CMD ["/app"]', ''].join('\n');
const position = { file: 'docker/app.Dockerfile', startLine: 4, endLine: 5 };
const failedStep: FailedStep = {
  name: '[base 4/4] RUN make && make test',
  lines: ['ok 1 - works', 'not ok 2 - breaks', 'make: *** [test] Error 2'],
  logPath: '/var/lib/tsbuild/logs/b1/4.log.gz',
};
const stepError = new TsbuildError('step', 'STEP_FAILED', 'process "/bin/sh -c make && make test" did not complete successfully: exit code: 2', {
  position,
  hint: 'The last lines above say which command failed.',
});

/** One error as a user sees it. */
function check(name: string, error: unknown, view: Partial<Parameters<typeof renderError>[1]> = {}): void {
  test(`error: ${name}`, () => {
    checkGolden(`error-${name}`, renderError(error, { color: false, ...view }));
  });
}

check('step', stepError, { failedStep, dockerfileText });
check('step-without-output', stepError, { failedStep: { ...failedStep, lines: [] }, dockerfileText });
check('step-without-dockerfile', stepError, { failedStep });
check('first-line', new TsbuildError('registry', 'PULL_NOT_FOUND', 'pull docker.io/library/alpin:3.20: no such image', { position: { file: 'Dockerfile', startLine: 1, endLine: 1 } }), { dockerfileText });
check('usage', new TsbuildError('usage', 'INSTRUCTION_UNKNOWN', 'unknown instruction: CPY', { position: { file: 'Dockerfile', startLine: 3, endLine: 3 }, hint: 'Did you mean COPY?' }), { dockerfileText });
check('causes', new TsbuildError('machine', 'SNAPSHOT_MOUNT', 'mount overlay on /var/lib/tsbuild/snapshots/7: permission denied', {
  cause: new TsbuildError('machine', 'NATIVE', 'fsconfig(lowerdir+): EPERM', { cause: new Error('EPERM') }),
  hint: 'Run tsbuild doctor.',
}));
check('bug', new TsbuildError('bug', 'INVARIANT', 'a vertex has two results'));
check('unknown', new TypeError("Cannot read properties of undefined (reading 'x')"));
check('not-an-error', 'just a string');
check('hostile', new TsbuildError('usage', 'FILE_NAME', 'open \x1b]0;pwned\x07name\x1b[2J: no\nsecond line', { position: { file: 'a\x1b[31m', startLine: 1, endLine: 1 } }), { dockerfileText: 'RUN \x1b[2J\u202e\n' });

test('only debugging shows stacks', () => {
  const error = new TsbuildError('bug', 'INVARIANT', 'x', { cause: new Error('inner') });
  assert.doesNotMatch(renderError(error, { color: false }), /\n +at /);
  assert.match(renderError(error, { color: false, debug: true }), /inner\n +at /);
});

test('colour is used only when wanted', () => {
  assert.doesNotMatch(renderError(stepError, { color: false }), /\x1b/);
  assert.match(renderError(stepError, { color: true }), /\x1b\[31mERROR:/);
});

test('the cause of a failing step stands in the last 25 lines, however much it printed', () => {
  const lines = Array.from({ length: 20 }, (_, index) => `line ${index}`);
  const text = renderError(stepError, { color: false, failedStep: { ...failedStep, lines }, dockerfileText });
  assert.ok(text.trimEnd().split('\n').slice(-25).join('\n').includes('line 19'));
});

test('a cause that refers to itself ends', () => {
  const error = new Error('loop');
  error.cause = error;
  assert.equal(renderError(error, { color: false }).split('\n').length, 3);
});

test('exit codes follow the class; unknown errors are bugs', () => {
  assert.deepEqual(['step', 'usage', 'machine', 'registry', 'bug', 'interrupted'].map((name) => exitCodeOf(new TsbuildError(name as 'step', 'X', 'x'))), [1, 2, 3, 4, 70, 130]);
  assert.equal(exitCodeOf(new Error('x')), 70);
});

test('a message that quotes a megabyte keeps its beginning and its end', () => {
  const error = new TsbuildError('usage', 'X', `begin ${'x'.repeat(1_000_000)} end`, { hint: `first ${'\x1b'.repeat(1_000_000)} last` });
  const shown = renderError(error, { color: false });
  assert.match(shown, /^ERROR: begin x+ … \(996010 characters left out\) … x+ end \(X\)\nhint: first (\\x1b)+ … /);
  assert.ok(shown.length < 30_000, `${shown.length} characters`);
});
