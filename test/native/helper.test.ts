import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { errnoCode, TsbuildError } from '../../src/base/errors.ts';
import { loadAddon } from '../../src/native/addon.ts';
import { SpecWriter } from '../../src/native/encoding.ts';
import { JobKind, startHelper } from '../../src/native/helper.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root: starts the sandbox process';
const nothing = new SpecWriter().finish();

test('the addon has what its types promise', () => {
  const addon = loadAddon();
  for (const name of ['createChannel', 'sendRequest', 'createMemfd', 'createPipe', 'closeFd', 'tryLock', 'unlock'] as const) assert.equal(typeof addon[name], 'function');
});

test('a failing system call is an error with code and syscall', () => {
  assert.throws(() => loadAddon().sendRequest(-1, Buffer.alloc(6), []), { code: 'EBADF', syscall: 'sendmsg' });
});

test('startHelper starts it, close ends it', { skip }, async () => {
  const helper = await startHelper();
  await helper.close();
  await helper.close();
});

test('a malformed specification is an error with operation and cause', { skip }, async () => {
  const helper = await startHelper();
  await assert.rejects(helper.request({ kind: JobKind.Remove, spec: nothing, what: 'remove tree' }), (error: unknown) => {
    assert.ok(error instanceof TsbuildError);
    assert.equal(error.code, 'SANDBOX_FAILED');
    assert.match(error.message, /^remove tree: /);
    assert.deepEqual(Object.keys(error.details).sort(), ['detail', 'errno', 'index', 'operation', 'path', 'syscall']);
    return true;
  });
  await helper.close();
});

/** What this process has open, `NUMBER TARGET` each; pipes and sockets have numbers that do not come again. */
function openFiles(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [`${fd} ${readlinkSync(`/proc/self/fd/${fd}`)}`];
    } catch (error) {
      if (errnoCode(error) === 'ENOENT') return []; // the one that listed the directory
      throw error;
    }
  });
}

test('descriptors can be closed as soon as request has returned, and none stays open', { skip }, async (t) => {
  const helper = await startHelper();
  t.after(() => helper.close());
  const before = new Set(openFiles());
  const addon = loadAddon();
  const jobs = Array.from({ length: 50 }, () => {
    const pipe = addon.createPipe();
    const job = helper.request({ kind: JobKind.Remove, spec: nothing, fds: [pipe.readFd, pipe.writeFd], what: 'x' });
    addon.closeFd(pipe.readFd);
    addon.closeFd(pipe.writeFd);
    return job;
  });
  const settled = await Promise.allSettled(jobs);
  assert.ok(settled.every((result) => result.status === 'rejected'));
  // What was being closed when the test began may be gone by now; nothing may have come.
  assert.deepEqual(openFiles().filter((file) => !before.has(file)), []);
});

test('an executable that is missing is an error', async () => {
  await assert.rejects(startHelper({ executable: '/nonexistent/tsbuild-sandbox' }), (error: unknown) => error instanceof TsbuildError && error.code === 'SANDBOX_DIED' && /ENOENT/.test(error.message));
});

test('an executable that dies at once is an error with what it printed', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsbuild-helper-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const executable = join(directory, 'dies');
  writeFileSync(executable, '#!/bin/sh\necho no good >&2\nexit 3\n');
  chmodSync(executable, 0o755);
  const lines: string[] = [];
  await assert.rejects(startHelper({ executable, onWarning: (line) => void lines.push(line) }), /the sandbox process ended unexpectedly: exit code 3: no good/);
  assert.deepEqual(lines, ['no good']);
});

/** The outer process of the sandbox, a child of ours. */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter((text) => text !== '').map(Number);
}

test('a server that is killed rejects what is pending, and every later request', { skip }, async () => {
  const before = new Set(childrenOf(process.pid));
  const helper = await startHelper();
  const outer = childrenOf(process.pid).find((pid) => !before.has(pid));
  assert.ok(outer !== undefined);
  const [server] = childrenOf(outer);
  assert.ok(server !== undefined);
  process.kill(server, 'SIGSTOP'); // so that the job is pending for certain
  const pending = assert.rejects(helper.request({ kind: JobKind.Remove, spec: nothing, what: 'remove tree' }), (error: unknown) => error instanceof TsbuildError && error.code === 'SANDBOX_DIED' && error.message.startsWith('remove tree: '));
  process.kill(server, 'SIGKILL');
  await pending;
  await assert.rejects(helper.request({ kind: JobKind.Remove, spec: nothing, what: 'again' }), { code: 'SANDBOX_DIED' });
  await helper.close();
});

test('the server runs from a sealed copy, undumpable, with no descriptor of its caller', { skip }, async () => {
  const before = new Set(childrenOf(process.pid));
  const helper = await startHelper();
  const outer = childrenOf(process.pid).find((pid) => !before.has(pid)) ?? 0;
  const [server] = childrenOf(outer);
  const links = execFileSync('ls', ['-l', `/proc/${server}/exe`], { encoding: 'utf8' });
  assert.match(links, /memfd:tsbuild-sandbox/);
  assert.deepEqual(readdirSync(`/proc/${server}/fd`).map(Number).sort((a, b) => a - b), [0, 1, 2, 3, 4, 5]);
  assert.equal(readFileSync(`/proc/${server}/environ`, 'utf8'), '');
  await helper.close();
});

test('as another user it works in a user namespace of its own, and ends with its caller', { skip }, async () => {
  const program = `import { startHelper } from ${JSON.stringify(new URL('../../src/native/helper.ts', import.meta.url).href)};
    const helper = await startHelper();
    console.log('started');
    await helper.close();`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], { uid: 65534, gid: 65534, stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: process.env['PATH'] ?? '' } });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await once(child, 'close');
  assert.equal(text, 'started\n');
});
