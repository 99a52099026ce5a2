/** The contract of `RecordCache`: the cache on disk and the one in memory that the executor's tests use both run it. */
import { strict as assert } from 'node:assert';
import { test, type TestContext } from 'node:test';
import { makeKey, type CacheKey } from '../../src/base/canonical.ts';
import { digestOf, type DiffID } from '../../src/base/digest.ts';
import type { RecordCache } from '../../src/build/executor.ts';
import type { Vertex } from '../../src/graph/vertex.ts';

/** A cache in memory, for tests of the executor. */
export function memoryRecords(records: Map<string, readonly DiffID[]>): RecordCache {
  return {
    get: (key) => Promise.resolve(records.get(key.digest) ?? null),
    put: (_vertex, key, added) => {
      records.set(key.digest, added);
      return Promise.resolve();
    },
    explainMiss: () => Promise.resolve(null),
  };
}

const vertex: Vertex = { id: 0, operation: { kind: 'scratch' }, name: 'RUN x', position: null, stage: 'a', step: 1, ignoreCache: false };
const one = digestOf<DiffID>('one');
const two = digestOf<DiffID>('two');

function keyOf(value: string, operation = 'run/1'): CacheKey {
  return makeKey(operation, [{ name: 'command', value }]);
}

/** Runs the suite; `open` gives an empty cache. */
export function recordCacheContract(name: string, open: (test: TestContext) => Promise<RecordCache> | RecordCache): void {
  const check = (what: string, body: (cache: RecordCache) => Promise<void>): void => {
    test(`${name}: ${what}`, async (t) => body(await open(t)));
  };

  check('an unknown key is a miss without a reason', async (cache) => {
    assert.equal(await cache.get(keyOf('x')), null);
    assert.equal(await cache.explainMiss(vertex, keyOf('x')), null);
  });

  check('what was put is found under its key alone, in its order', async (cache) => {
    await cache.put(vertex, keyOf('x'), [two, one]);
    assert.deepEqual(await cache.get(keyOf('x')), [two, one]);
    assert.equal(await cache.get(keyOf('y')), null);
    assert.equal(await cache.get(keyOf('x', 'run/2')), null);
  });

  check('a step that added no layer is a hit, too', async (cache) => {
    await cache.put(vertex, keyOf('x'), []);
    assert.deepEqual(await cache.get(keyOf('x')), []);
  });

  check('the latest result of a key counts', async (cache) => {
    await cache.put(vertex, keyOf('x'), [one]);
    await cache.put(vertex, keyOf('x'), [two]);
    assert.deepEqual(await cache.get(keyOf('x')), [two]);
  });

  check('results put at once are all kept', async (cache) => {
    const names = Array.from({ length: 40 }, (_, index) => `step ${index}`);
    await Promise.all(names.map((text) => cache.put(vertex, keyOf(text), [digestOf<DiffID>(text)])));
    for (const text of names) assert.deepEqual(await cache.get(keyOf(text)), [digestOf<DiffID>(text)]);
  });
}
