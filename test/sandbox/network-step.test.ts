import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import { detectNetwork, type NetworkProgram } from '../../src/sandbox/network.ts';
import { eventually, openStepFixture, processesWith, skipUnlessRoot, type StepFixture } from './step-fixture.ts';

describe('a step with a network of its own', { skip: skipUnlessRoot }, () => {
  let fixture: StepFixture;
  let programs: readonly NetworkProgram[];
  before(async () => {
    fixture = await openStepFixture();
    const found = await detectNetwork('/usr/local/bin:/usr/bin:/bin');
    assert.equal(found.kind, 'found', 'slirp4netns or pasta must be installed');
    programs = found.kind === 'found' ? found.programs : [];
  });
  after(() => fixture.close());

  const hanging: NetworkProgram = { name: 'slirp4netns', argv: ['/bin/sleep', `300000.${process.pid}`], readyBy: 'byte', startLimitMs: 60_000 };

  test('it has an interface and a route, and is not in the namespace of the host', async () => {
    const { stdout, result } = await fixture.run('ip -o link | wc -l; ip route | grep -c ^default; readlink /proc/self/ns/net', { network: 'isolated', networkPrograms: programs });
    const [links, routes, namespace] = stdout.split('\n');
    assert.equal(result.exitCode, 0);
    assert.equal(links, '2');
    assert.equal(routes, '1');
    assert.match(namespace ?? '', /^net:\[\d+\]$/);
  });

  test('steps at once have one each', async () => {
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => fixture.run('readlink /proc/self/ns/net; sleep 0.05', { network: 'isolated', networkPrograms: programs })));
    assert.equal(new Set(outcomes.map(({ stdout }) => stdout)).size, 4);
  });

  test('a network that a step sent nothing in serves another step, one that it used or could have changed does not', async () => {
    // The interface's random address tells networks apart; numbers of namespaces are given again.
    const namespaceOf = async (script: string, security: 'sandbox' | 'insecure' = 'sandbox'): Promise<string> => {
      const { stdout } = await fixture.run(`${script}; ip -o link | sed -n 's/.*ether \\([0-9a-f:]*\\).*/\\1/p'`, { network: 'isolated', networkPrograms: programs, security });
      assert.match(stdout, /^([0-9a-f]{2}:){5}[0-9a-f]{2}\n$/);
      return stdout.trim();
    };
    const idle: string[] = [];
    for (let count = 0; count < 5; count++) idle.push(await namespaceOf('true'));
    assert.ok(new Set(idle).size < idle.length, `every idle step had a network of its own: ${idle.join(' ')}`);
    const used = await namespaceOf('echo x | nc 127.0.0.1 9 2> /dev/null');
    const privileged = await namespaceOf('true', 'insecure');
    for (let count = 0; count < 5; count++) {
      const next = await namespaceOf('true');
      assert.ok(next !== used && next !== privileged, `${next} was used before`);
    }
  });

  test('a program that cannot be started is an error of this machine', async () => {
    const missing: NetworkProgram = { name: 'slirp4netns', argv: ['/nonexistent/slirp4netns'], readyBy: 'byte', startLimitMs: 1000 };
    await assert.rejects(fixture.run('true', { network: 'isolated', networkPrograms: [missing] }), (error: unknown) => error instanceof TsbuildError && error.details['operation'] === 'start network');
  });

  test('a step can be given up while its network starts, and other jobs go on meanwhile', async () => {
    const controller = new AbortController();
    const waiting = fixture.run('true', { network: 'isolated', networkPrograms: [hanging] }, controller.signal);
    assert.equal((await fixture.run('echo other')).stdout, 'other\n');
    const reason = new Error('given up');
    controller.abort(reason);
    await assert.rejects(waiting, reason);
  });

  test('no program outlives the sandbox process', async () => {
    const other = await openStepFixture();
    const mark = `200000.${process.pid}`;
    const step = other.run('true', { network: 'isolated', networkPrograms: [{ ...hanging, argv: ['/bin/sleep', mark] }] });
    const rejected = assert.rejects(step, { code: 'SANDBOX_DIED' });
    assert.ok(await eventually(() => processesWith(mark).length > 0));
    await other.close();
    await rejected;
    assert.deepEqual(processesWith(mark), []);
  });
});
