import assert from 'node:assert/strict';
import { test } from 'node:test';
import { releaseAll, releasing, throwFirst } from '../../src/base/releasing.ts';

const failWith = (error: unknown) => async (): Promise<never> => {
  await Promise.resolve();
  throw error;
};

test('releasing gives the result of the work after the release', async () => {
  const order: string[] = [];
  const result = await releasing(() => Promise.resolve(order.push('work')), () => Promise.resolve(order.push('release')));
  assert.deepEqual([result, order], [1, ['work', 'release']]);
});

test('a release that fails after good work is the failure', async () => {
  const late = new Error('late');
  await assert.rejects(releasing(() => Promise.resolve(1), failWith(late)), (error) => error === late);
});

test('a release that fails after bad work is the last cause of the first failure', async () => {
  const first = new Error('first', { cause: new Error('why') });
  const second = new Error('second');
  await assert.rejects(releasing(failWith(first), failWith(second)), (error) => error === first);
  assert.equal((first.cause as Error).message, 'why');
  assert.equal((first.cause as Error).cause, second);
});

test('a reason that is no error stays as it is', async () => {
  await assert.rejects(releasing(failWith('stop'), failWith(new Error('second'))), (error) => error === 'stop');
});

test('a ring of causes ends', async () => {
  const ring = new Error('ring');
  ring.cause = ring;
  await assert.rejects(releasing(failWith(ring), failWith(new Error('second'))), (error) => error === ring);
});

test('releaseAll releases everything in order, whatever fails, and tells the first failure with the others in it', async () => {
  const order: string[] = [];
  const [one, two] = [new Error('one'), new Error('two')];
  const releases = [
    () => Promise.resolve(order.push('a')),
    () => { order.push('b'); return Promise.reject(one); },
    () => { order.push('c'); return Promise.reject(two); },
    () => Promise.resolve(order.push('d')),
  ];
  await assert.rejects(releaseAll(releases), (error) => error === one);
  assert.deepEqual(order, ['a', 'b', 'c', 'd']);
  assert.equal(one.cause, two);
});

test('throwFirst throws nothing where there is no failure, and else the first', () => {
  throwFirst([]);
  const [one, two] = [new Error('one'), new Error('two')];
  assert.throws(() => throwFirst([one, two]), (error) => error === one && one.cause === two);
});
