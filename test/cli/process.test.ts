/** The command line as a real process: signals, closed pipes, exit codes. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');
type Child = ChildProcessByStdio<null, Readable, Readable>;

// A process that hangs is ended with the test, and the test after a minute.
const timeout = 60_000;

function run(t: TestContext, ...words: readonly string[]): Child {
  const child = spawn(process.execPath, ['--import', 'tsx', join(here, 'start-demo.ts'), ...words], { stdio: ['ignore', 'pipe', 'pipe'], cwd: root, env: { PATH: process.env['PATH'] } });
  t.after(() => { child.kill('SIGKILL'); });
  return child;
}

/** Collects a stream; `until` resolves when the text so far matches. */
function collect(stream: Readable): { text: string; until(pattern: RegExp): Promise<void> } {
  const collected = {
    text: '',
    async until(pattern: RegExp): Promise<void> {
      while (!pattern.test(collected.text)) await once(stream, 'data');
    },
  };
  stream.setEncoding('utf8').on('data', (chunk: string) => { collected.text += chunk; });
  return collected;
}

async function exitCode(child: Child): Promise<number | null> {
  const [code] = (await once(child, 'close')) as [number | null];
  return code;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`${signal} ends a build in order with exit code 130`, { timeout }, async (t) => {
    const child = run(t, '.');
    const stderr = collect(child.stderr);
    await stderr.until(/line 3/);
    child.kill(signal);
    assert.equal(await exitCode(child), 130);
    assert.match(stderr.text, new RegExp(`ERROR: interrupted: ${signal}.*\\(INTERRUPTED\\)\n$`));
  });
}

test('a second SIGINT does not cut the cleaning up short', { timeout }, async (t) => {
  const child = run(t, '--target', 'slow', '.');
  const stderr = collect(child.stderr);
  await stderr.until(/line 3/);
  child.kill('SIGINT');
  await stderr.until(/STOPPING/);
  child.kill('SIGINT');
  assert.equal(await exitCode(child), 130);
  assert.match(stderr.text, /still cleaning up/);
});

test('a build whose progress nobody reads any more ends in order', { timeout }, async (t) => {
  const child = run(t, '.');
  const stderr = collect(child.stderr);
  await stderr.until(/line 3/);
  child.stderr.destroy();
  assert.equal(await exitCode(child), 130);
});

test('a list whose reader has seen enough ends without a complaint', { timeout }, async (t) => {
  const child = run(t, 'images');
  const stderr = collect(child.stderr);
  await once(child.stdout, 'data');
  child.stdout.destroy();
  assert.equal(await exitCode(child), 0);
  assert.equal(stderr.text, '');
});

test('a long result arrives whole in a pipe', { timeout }, async (t) => {
  const child = run(t, 'images');
  const stdout = collect(child.stdout);
  assert.equal(await exitCode(child), 0);
  assert.equal(stdout.text.split('\n').length, 50_002);
});

test('an exception that nobody catches is a bug with exit code 70', { timeout }, async (t) => {
  const child = run(t, '--target', 'bug', '.');
  const stderr = collect(child.stderr);
  assert.equal(await exitCode(child), 70);
  assert.match(stderr.text, /ERROR: boom \(UNEXPECTED\)\nhint: This is a bug/);
});

const bundle = join(root, 'dist/tsbuild.cjs');

test('the bundle answers --version before it evaluates anything else', { skip: existsSync(bundle) ? false : 'dist/ is not built' }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tsbuild-cli-'));
  t.after(() => { rmSync(folder, { recursive: true }); });
  const spy = join(folder, 'spy.cjs');
  writeFileSync(spy, `const m=require('module'),load=m._load;m._load=function(name,...rest){process.stderr.write('load '+name+'\\n');return load.call(this,name,...rest)};`);
  const child = spawn(process.execPath, ['--require', spy, bundle, '--version'], { stdio: ['ignore', 'pipe', 'pipe'], env: {} });
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  assert.equal(await exitCode(child), 0);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  assert.equal(stdout.text, `tsbuild ${version}\n`);
  assert.deepEqual(stderr.text.split('\n').filter((line) => line.startsWith('load ') && !line.endsWith('tsbuild.cjs')), ['load node:url']);
  assert.equal(statSync(bundle).mode & 0o777, 0o755);
});
