import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { runStep } from '../../src/sandbox/run-step.ts';
import { eventually, openStepFixture, processesWith, skipUnlessRoot, type StepFixture } from './step-fixture.ts';

describe('what comes out of a step', { skip: skipUnlessRoot }, () => {
  let fixture: StepFixture;
  before(async () => (fixture = await openStepFixture()));
  after(() => fixture.close());

  test('both streams arrive apart and whole', async () => {
    const { stdout, stderr } = await fixture.run('echo out; echo err >&2; printf end');
    assert.equal(stdout, 'out\nend');
    assert.equal(stderr, 'err\n');
  });

  for (const [name, uid] of [['root', 0], ['another user', 1000]] as const) {
    test(`${name} can open /dev/stdout and /dev/stderr`, async () => {
      const { stdout, stderr, result } = await fixture.run('echo a > /dev/stdout; echo b > /dev/stderr', { user: { uid, gid: uid, groups: [] } });
      assert.equal(result.exitCode, 0);
      assert.equal(stdout, 'a\n');
      assert.equal(stderr, 'b\n');
    });
  }

  test('100 MB arrive byte for byte', async () => {
    const spec = fixture.spec('i=0; while [ $i -lt 100 ]; do head -c 1000000 /dev/zero | tr "\\0" "$(printf "\\\\$(printf %03o $((i + 32)))")"; i=$((i + 1)); done');
    const hash = createHash('sha256');
    let size = 0;
    await runStep(fixture.helper, spec, { onOutput: (_stream, chunk) => ((size += chunk.length), void hash.update(chunk)) });
    const expected = createHash('sha256');
    for (let i = 0; i < 100; i++) expected.update(Buffer.alloc(1_000_000, i + 32));
    assert.equal(size, 100_000_000);
    assert.equal(hash.digest('hex'), expected.digest('hex'));
  });

  test('a slow receiver holds the step back', async () => {
    let pending = 0;
    let pendingMax = 0;
    let size = 0;
    await runStep(fixture.helper, fixture.spec('head -c 8000000 /dev/zero'), {
      onOutput: async (_stream, chunk) => {
        pending += 1;
        pendingMax = Math.max(pendingMax, pending);
        size += chunk.length;
        await new Promise((resolve) => setImmediate(resolve));
        pending -= 1;
      },
    });
    assert.equal(size, 8_000_000);
    assert.equal(pendingMax, 1);
  });

  test('a receiver that throws ends the step, and its error is the step\'s', async () => {
    const broken = new Error('no more');
    const step = runStep(fixture.helper, fixture.spec('trap "" PIPE; echo x; sleep 100000'), { onOutput: () => { throw broken; } });
    await assert.rejects(step, broken);
  });

  test('exit codes are the command\'s', async () => {
    for (const code of [0, 1, 7, 125, 126, 127, 255]) assert.equal((await fixture.run(`exit ${code}`)).result.exitCode, code);
  });

  test('a command that is killed says by what', async () => {
    const mark = `400000.${process.pid}`;
    const step = fixture.run('', { argv: ['/bin/busybox', 'sleep', mark] });
    assert.ok(await eventually(() => processesWith(mark).length === 1));
    process.kill(processesWith(mark)[0] ?? 0, 'SIGKILL');
    const { result } = await step;
    assert.equal(result.signal, 'SIGKILL');
    assert.equal(result.exitCode, null);
  });

  test('a signal inside the step is the shell\'s business', async () => {
    assert.equal((await fixture.run('sleep 1000 & kill -SEGV $!; wait $!')).result.exitCode, 139);
  });

  test('a missing command ends with 127, as docker build says it', async () => {
    const { result, stderr } = await fixture.run('', { argv: ['no-such-command', 'x'] });
    assert.equal(result.exitCode, 127);
    assert.equal(stderr, 'exec: "no-such-command": executable file not found in $PATH\n');
    const absolute = await fixture.run('', { argv: ['/no/such'] });
    assert.equal(absolute.result.exitCode, 127);
    assert.equal(absolute.stderr, 'exec: "/no/such": no such file or directory\n');
  });

  test('a command that cannot be executed ends with 126', async () => {
    const { result, stderr } = await fixture.run('', { argv: ['/etc/hosts'] });
    assert.equal(result.exitCode, 126);
    assert.equal(stderr, 'exec: "/etc/hosts": permission denied\n');
  });

  test('the command is looked for in the PATH of the step', async () => {
    assert.equal((await fixture.run('', { argv: ['busybox', 'echo', 'x'], env: [['PATH', '/nonexistent:/bin']] })).stdout, 'x\n');
    assert.equal((await fixture.run('', { argv: ['busybox', 'echo', 'x'], env: [] })).result.exitCode, 127);
  });

  test('arguments are bytes', async () => {
    const argv = ['/bin/busybox', 'echo', '-n', Buffer.from([0xff, 0x41])];
    const chunks: Buffer[] = [];
    await runStep(fixture.helper, fixture.spec('', { argv }), { onOutput: (_stream, chunk) => void chunks.push(chunk) });
    assert.deepEqual(Buffer.concat(chunks), Buffer.from([0xff, 0x41]));
  });

  test('usage counts the whole step', async () => {
    const { result } = await fixture.run('head -c 50000000 /dev/zero | tr a b > /dev/null');
    assert.ok(result.usage.userMs + result.usage.systemMs > 1, JSON.stringify(result.usage));
    assert.ok((result.usage.peakMemoryBytes ?? 0) > 100_000);
  });
});
