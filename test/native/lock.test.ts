import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { acquireLock, openGate, tryLock } from '../../src/native/lock.ts';

const directory = mkdtempSync(join(tmpdir(), 'tsbuild-lock-'));
after(() => rmSync(directory, { recursive: true }));

test('an exclusive lock excludes, a released one does not', async () => {
  const path = join(directory, 'a');
  const held = await acquireLock(path, { shared: false });
  assert.equal(await tryLock(path, true), null);
  await held.release();
  const next = await tryLock(path, false);
  assert.notEqual(next, null);
  await next?.release();
});

test('shared locks are held together', async () => {
  const path = join(directory, 'b');
  const locks = await Promise.all([acquireLock(path, { shared: true }), acquireLock(path, { shared: true })]);
  assert.equal(await tryLock(path, false), null);
  await Promise.all(locks.map((lock) => lock.release()));
});

test('a waiter gets the lock when it is released', async () => {
  const path = join(directory, 'c');
  const held = await acquireLock(path, { shared: false });
  const waiting = acquireLock(path, { shared: false });
  await held.release();
  await (await waiting).release();
});

test('a waiter can be given up', async () => {
  const path = join(directory, 'd');
  const held = await acquireLock(path, { shared: false });
  const controller = new AbortController();
  const waiting = acquireLock(path, { shared: false, signal: controller.signal });
  const reason = new Error('enough');
  controller.abort(reason);
  await assert.rejects(waiting, reason);
  await held.release();
});

test('who wants it alone gets it although others share it without a gap', async () => {
  const path = join(directory, 'g');
  const patience = 100; // ms that a sharer waits for the next one; an idle lock takes one
  let isDone = false;
  let held = await acquireLock(path, { shared: true });
  const alone = acquireLock(path, { shared: false, signal: AbortSignal.timeout(5000) }).finally(() => (isDone = true));
  while (!isDone) {
    const next = acquireLock(path, { shared: true });
    await Promise.race([next, delay(patience)]);
    await held.release();
    held = await Promise.race([next, alone]);
    if (isDone) await held.release();
    if (isDone) await (await next).release();
  }
  await alone;
});

test('a waiter that was given up is in nobody\'s way', async () => {
  const path = join(directory, 'h');
  const held = await acquireLock(path, { shared: true });
  const controller = new AbortController();
  const waiting = acquireLock(path, { shared: false, signal: controller.signal });
  controller.abort(new Error('enough'));
  await assert.rejects(waiting);
  await (await acquireLock(path, { shared: true, signal: AbortSignal.timeout(5000) })).release();
  await held.release();
});

test('a lock whose file was removed does not count', async () => {
  const path = join(directory, 'e');
  const stale = await acquireLock(path, { shared: false });
  rmSync(path);
  const fresh = await acquireLock(path, { shared: false });
  await fresh.release();
  await stale.release();
});

test('a directory that does not exist is an error with its name', async () => {
  await assert.rejects(acquireLock(join(directory, 'no/such'), { shared: true }), { code: 'LOCK_FAILED', errorClass: 'machine' });
});

test('SIGKILL releases a lock', async () => {
  const path = join(directory, 'f');
  const program = `import { acquireLock } from ${JSON.stringify(new URL('../../src/native/lock.ts', import.meta.url).href)};
    await acquireLock(${JSON.stringify(path)}, { shared: false }); console.log('held'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  assert.equal(await tryLock(path, true), null);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await (await acquireLock(path, { shared: false, signal: AbortSignal.timeout(5000) })).release();
});

test('a gate is passed by many, and closed only while nobody passes', async () => {
  const path = join(directory, 'gate');
  const [first, second] = [openGate(path), openGate(path)];
  const order: string[] = [];
  let closed: Promise<void> = Promise.resolve();
  first.pass(() => {
    second.pass(() => order.push('both are in'));
    closed = second.closed(() => { order.push('closed'); });
    order.push('still in');
  });
  await closed;
  first.pass(() => order.push('open again'));
  assert.deepEqual(order, ['both are in', 'still in', 'closed', 'open again']);
  first.release();
  second.release();
});

test('who comes to a gate that another process has closed waits until that one is killed', async () => {
  const path = join(directory, 'closed-gate');
  const script = `import { openGate } from ${JSON.stringify(import.meta.resolve('../../src/native/lock.ts'))};
    await openGate(${JSON.stringify(path)}).closed(() => { process.stdout.write('closed'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300); process.kill(process.pid, 'SIGKILL'); });`;
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  await once(child.stdout, 'data');
  assert.equal(await tryLock(path, true), null);
  const gate = openGate(path);
  let passed = 0;
  gate.pass(() => (passed += 1));
  assert.equal(passed, 1);
  gate.release();
  await exited;
});
