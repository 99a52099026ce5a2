/** `tsbuild check` as a process: what it touches, because a pre-commit hook runs it on every commit. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeContext } from '../support/context.ts';
import { forTrace, skipWithout } from '../support/needs.ts';
import { runProcess } from '../support/run-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { callEnvironment, program, runTsbuild } from '../support/tsbuild.ts';

test('check opens the Dockerfile and its ignore file, starts no process, and loads nothing of a build', { skip: skipWithout(...forTrace) }, async (t) => {
  const folder = temporaryFolder(t);
  const context = await writeContext(folder, { Dockerfile: 'FROM busybox\nCOPY a /\nRUN true\n', '.dockerignore': 'a\n', a: '' });
  const store = join(folder, 'store');
  const trace = join(folder, 'trace');
  const words = ['-f', '-qq', '-o', trace, '-e', 'trace=open,openat,openat2,execve,execveat,fork,vfork,connect,socket', process.execPath, program, 'check', context];
  const { exitCode, stdout } = await runProcess('strace', words, { cwd: '/', env: callEnvironment({ store }) });
  assert.equal(exitCode, 0);
  assert.match(stdout, /WARNING: CopyIgnoredFile/);
  const calls = (await readFile(trace, 'utf8')).split('\n').filter((line) => !/^\d+\s+(---|\+\+\+)/.test(line) && !line.includes(' resumed>'));
  const opened = calls.flatMap((line) => /open(?:at)?\((?:AT_FDCWD, )?"([^"]*)"/.exec(line)?.[1] ?? []);
  assert.deepEqual(opened.filter((path) => path.startsWith(folder)), ['Dockerfile', 'Dockerfile.dockerignore', '.dockerignore'].map((name) => join(context, name)));
  assert.deepEqual(opened.filter((path) => path.endsWith('.node') || path.endsWith('undici.cjs')), []);
  assert.equal(calls.filter((line) => /execve|fork|connect|socket/.test(line)).length, 1, 'Node itself, and nothing else');
  assert.equal(existsSync(store), false);
});

test('check says the same in any environment', async (t) => {
  const folder = temporaryFolder(t);
  const context = await writeContext(folder, { Dockerfile: 'FROM scratch as a\n' });
  const store = join(folder, 'store');
  const plain = await runTsbuild(['check', '--strict', context], { store, cwd: '/' });
  const other = await runTsbuild(['check', '--strict', context], { store, cwd: '/', env: { TZ: 'Asia/Tokyo', LANG: 'tr_TR.UTF-8', SOURCE_DATE_EPOCH: '1', HTTP_PROXY: 'http://127.0.0.1:1' } });
  assert.deepEqual([plain.exitCode, plain.stdout, plain.stderr], [2, other.stdout, other.stderr]);
  assert.match(plain.stdout, /^Check complete, 1 warning has been found!\n\nWARNING: FromAsCasing - /);
});
