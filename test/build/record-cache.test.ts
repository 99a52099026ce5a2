/** Records of steps: the contract, on disk and in memory, and what only the one on disk can do. */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { makeKey } from '../../src/base/canonical.ts';
import { recordCache } from '../../src/build/record-cache.ts';
import { openCache } from '../../src/cache/cache.ts';
import type { Vertex } from '../../src/graph/vertex.ts';
import { memoryRecords, recordCacheContract } from '../contract/record-cache.ts';
import { openTestStore } from '../store/open-test-store.ts';

recordCacheContract('in memory', () => memoryRecords(new Map()));
recordCacheContract('on disk', async (t) => recordCache(openCache(await openTestStore(t)), '/Dockerfile'));

const vertex: Vertex = { id: 0, operation: { kind: 'scratch' }, name: 'RUN x', position: null, stage: 'a', step: 1, ignoreCache: false };

test('a miss at a place that has a record says what changed; another place has nothing to compare with', async (t) => {
  const records = recordCache(openCache(await openTestStore(t)), '/Dockerfile');
  await records.put(vertex, makeKey('run/1', [{ name: 'command', value: 'a' }, { name: 'user', value: '' }]), []);
  const now = makeKey('run/1', [{ name: 'command', value: 'b' }, { name: 'user', value: '' }]);
  assert.match((await records.explainMiss(vertex, now)) ?? '', /^miss: .*command/);
  assert.equal(await records.explainMiss({ ...vertex, step: 2 }, now), null);
});

test('a record of another form is no record', async (t) => {
  const cache = openCache(await openTestStore(t));
  const key = makeKey('run/1', [{ name: 'command', value: 'a' }]);
  for (const result of ['text', 5, [], {}, { added: 'x' }, { added: ['sha256:../../x'] }, { added: [5] }]) {
    await cache.put(key, result);
    assert.equal(await recordCache(cache, '/Dockerfile').get(key), null, JSON.stringify(result));
  }
});
