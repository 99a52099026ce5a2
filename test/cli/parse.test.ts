/** `tsbuild parse`, over the bundled program: what it prints, how it refuses, and what it does not load. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ParseDocument } from '../../src/dockerfile/parse-document.ts';
import { runProcess, type Finished } from '../support/run-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { program } from '../support/tsbuild.ts';
import { checkGolden } from './support.ts';

const dockerfile = `# syntax=docker/dockerfile:1
# escape=\`
ARG VERSION=1
FROM --platform=$BUILDPLATFORM busybox:$VERSION AS base
RUN --mount=type=cache,target="/x y" make \`

  all
env a=b c="d e"
LABEL one two  three
ONBUILD RUN ["a", "b\\u001b[31m c"]
COPY <<E <<-'F' /x/
hello $x
E
\tliteral
F
`;

async function parse(args: readonly string[], cwd = '/', input = dockerfile): Promise<Finished> {
  return await runProcess(process.execPath, [program, 'parse', ...args], { cwd, env: {}, input });
}

test('tsbuild parse lists the instructions for people, with control characters shown', async () => {
  const { exitCode, stdout, stderr } = await parse(['-']);
  assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
  checkGolden('parse-text', stdout);
});

test('tsbuild parse --json prints one document', async () => {
  const { exitCode, stdout, stderr } = await parse(['--json', '-']);
  assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
  const document = JSON.parse(stdout) as ParseDocument;
  assert.deepEqual(Object.keys(document), ['escape', 'directives', 'instructions', 'warnings']);
  checkGolden('parse-json', stdout);
});

test('tsbuild parse reads a file named on the command line, or the Dockerfile here', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'Dockerfile'), 'FROM a\n');
  writeFileSync(join(folder, 'other'), 'FROM b\n');
  assert.equal((await parse([], folder)).stdout, '1  FROM a\n');
  assert.equal((await parse(['other'], folder)).stdout, '1  FROM b\n');
  assert.equal((await parse([join(folder, 'other')])).stdout, '1  FROM b\n');
});

test('tsbuild parse refuses what BuildKit refuses, with the lines and exit code 2', async () => {
  const { exitCode, stdout, stderr } = await parse(['--json', '-'], '/', 'FROM a\nRUN x\nCOPPY a b\n');
  assert.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' });
  checkGolden('parse-refused', stderr);
});

test('tsbuild parse says which file it cannot read', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'folder'));
  for (const [file, code] of [['missing', 'DOCKERFILE_MISSING'], ['folder', 'DOCKERFILE_UNREADABLE'], ['/dev/zero', 'DOCKERFILE_TOO_LARGE']] as const) {
    const { exitCode, stderr } = await parse([file], folder);
    assert.equal(exitCode, 2);
    assert.match(stderr, new RegExp(`^ERROR: failed to read dockerfile: ${file}: .* \\(${code}\\)\n`), file);
  }
  assert.match((await parse(['-'], '/', 'x'.repeat(16 * 1024 * 1024 + 1))).stderr, /\(DOCKERFILE_TOO_LARGE\)/);
});

test('tsbuild parse loads nothing of the build', async (t) => {
  const folder = temporaryFolder(t);
  const spy = join(folder, 'spy.cjs');
  writeFileSync(spy, `const m=require('module'),load=m._load;m._load=function(name,...rest){process.stderr.write('load '+name+'\\n');return load.call(this,name,...rest)};`);
  const { exitCode, stderr } = await runProcess(process.execPath, ['--require', spy, program, 'parse', '--json', '-'], { cwd: '/', env: {}, input: dockerfile });
  assert.equal(exitCode, 0);
  const loaded = new Set(stderr.split('\n').filter((line) => line.startsWith('load ')).map((line) => line.slice('load '.length).replace(/^node:/, '')));
  // The addon comes through node:module, sockets and processes through the others.
  for (const heavy of ['module', 'crypto', 'zlib', 'worker_threads', 'http', 'https', 'tls', './undici.cjs']) assert.ok(!loaded.has(heavy), `${heavy} is loaded`);
  assert.ok(loaded.size > 3, 'the spy sees what is loaded');
});
