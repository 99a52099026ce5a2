import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually, openStepFixture, processesWith, skipUnlessRoot, type StepFixture } from './step-fixture.ts';

let markers = 0;
/** A number of seconds that nobody else sleeps, to find a step's processes by. */
const marker = (): string => `${500_000 + (process.pid % 100_000)}.${(markers += 1)}`;

describe('the life of a step', { skip: skipUnlessRoot }, () => {
  let fixture: StepFixture;
  let mountsBefore: string;
  before(async () => {
    mountsBefore = readFileSync('/proc/self/mountinfo', 'utf8');
    fixture = await openStepFixture();
  });
  after(() => fixture.close());

  test('abort kills daemons too, and settles when all are dead', async () => {
    const mark = marker();
    const controller = new AbortController();
    const script = `(setsid sh -c 'sleep ${mark}' &) ; sleep ${mark}`;
    const step = fixture.run(script, {}, controller.signal);
    assert.ok(await eventually(() => processesWith(mark).length >= 2));
    const reason = new Error('given up');
    controller.abort(reason);
    await assert.rejects(step, reason);
    assert.deepEqual(processesWith(mark), []);
  });

  test('an aborted signal starts nothing', async () => {
    const reason = new Error('before');
    await assert.rejects(fixture.run('true', {}, AbortSignal.abort(reason)), reason);
  });

  test('a daemon that the step leaves behind ends with it and holds nothing up', async () => {
    const mark = marker();
    const { result, stdout } = await fixture.run(`(setsid sleep ${mark} &); echo done`);
    assert.equal(result.exitCode, 0);
    assert.equal(stdout, 'done\n');
    assert.deepEqual(processesWith(mark), []);
  });

  test('eight steps at once do not mix', async () => {
    const outcomes = await Promise.all(Array.from({ length: 8 }, (_, index) => fixture.run(`for i in 1 2 3; do echo ${index}; sleep 0.02; done; echo $$; exit ${index}`)));
    outcomes.forEach(({ result, stdout }, index) => {
      assert.equal(result.exitCode, index);
      assert.equal(stdout, `${index}\n${index}\n${index}\n1\n`);
    });
  });

  test('nothing changes in the mounts of the host', async () => {
    await fixture.run('true');
    assert.equal(readFileSync('/proc/self/mountinfo', 'utf8').replace(/^.* \/tmp\/\S+ .*\n/gm, ''), mountsBefore.replace(/^.* \/tmp\/\S+ .*\n/gm, ''));
    assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(fixture.directory));
  });

  test('closing ends what runs, and says so', async () => {
    const mark = marker();
    const other = await openStepFixture();
    const step = other.run(`sleep ${mark}`);
    const rejected = assert.rejects(step, /run step: the sandbox process has been closed/);
    assert.ok(await eventually(() => processesWith(mark).length > 0));
    await other.close();
    await rejected;
    assert.deepEqual(processesWith(mark), []);
    await assert.rejects(other.helper.request({ kind: 5, spec: Buffer.alloc(0), what: 'scan' }), /scan: the sandbox process has been closed/);
  });

  test('when Node is killed, every process of its steps ends', async () => {
    const mark = marker();
    const child = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(new URL('killed-parent.ts', import.meta.url)), mark], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, TMPDIR: fixture.directory }, // it cannot tidy up after itself
    });
    const [started] = (await once(child.stdout, 'data')) as [Buffer];
    assert.equal(started.toString(), 'started\n');
    assert.ok(processesWith(mark).length >= 2);
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.ok(await eventually(() => processesWith(mark).length === 0), 'processes survived');
  });
});
