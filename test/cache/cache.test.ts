import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { makeKey, type CacheKey, type JsonValue } from '../../src/base/canonical.ts';
import { hexOf } from '../../src/base/digest.ts';
import { openCache, type Cache } from '../../src/cache/cache.ts';
import type { Store } from '../../src/store/store.ts';
import { openTestStore } from '../store/open-test-store.ts';

function key(value: JsonValue, operation = 'run/1'): CacheKey {
  return makeKey(operation, [{ name: 'command', value }]);
}

async function open(t: TestContext): Promise<{ cache: Cache; store: Store; pathOf: (key: CacheKey) => string }> {
  const store = await openTestStore(t);
  return { cache: openCache(store), store, pathOf: ({ digest }) => join(store.paths.cache, `${hexOf(digest)}.json`) };
}

test('what was put is got, and nothing else', async (t) => {
  const { cache } = await open(t);
  await cache.put(key('make'), { layers: ['sha256:x'] });
  assert.deepEqual(await cache.get(key('make')), { layers: ['sha256:x'] });
  assert.equal(await cache.get(key('other')), null);
  assert.equal(await cache.get(key('make', 'run/2')), null);
});

test('a result that is null, false or empty is a hit that can be told from a miss by its record', async (t) => {
  const { cache } = await open(t);
  await cache.put(key('a'), false);
  await cache.put(key('b'), []);
  assert.equal(await cache.get(key('a')), false);
  assert.deepEqual(await cache.get(key('b')), []);
});

test('put replaces an earlier result', async (t) => {
  const { cache } = await open(t);
  await cache.put(key('make'), 1);
  await cache.put(key('make'), 2);
  assert.equal(await cache.get(key('make')), 2);
});

const damages: readonly (readonly [string, (text: string) => string])[] = [
  ['empty', () => ''],
  ['cut short', (text) => text.slice(0, 40)],
  ['without its line end', (text) => text.slice(0, text.indexOf('\n'))],
  ['another result', (text) => text.replace('"kept"', '"evil"')],
  ['zeros, as after a power cut', (text) => '\0'.repeat(text.length)],
  ['another record', () => '{"version":1}\n{}\n'],
  ['a list', () => '[]\n[]\n'],
];
for (const [name, damage] of damages) {
  test(`a broken record (${name}) is a miss and is removed`, async (t) => {
    const { cache, pathOf, store } = await open(t);
    await cache.put(key('make'), 'kept', 'here');
    writeFileSync(pathOf(key('make')), damage(readFileSync(pathOf(key('make')), 'utf8')));
    assert.equal(await cache.get(key('make')), null);
    assert.deepEqual(readdirSync(store.paths.cache), ['last']);
    assert.equal(await cache.nearest('run/1', 'here', key('other')), null);
  });
}

test('the record of another key under this key’s name is a miss', async (t) => {
  const { cache, pathOf } = await open(t);
  await cache.put(key('a'), 'result of a');
  writeFileSync(pathOf(key('b')), readFileSync(pathOf(key('a'))));
  assert.equal(await cache.get(key('b')), null);
});

test('broken parts are no miss: they only cost an explanation', async (t) => {
  const { cache, pathOf } = await open(t);
  await cache.put(key('make'), 'kept', 'here');
  const text = readFileSync(pathOf(key('make')), 'utf8');
  writeFileSync(pathOf(key('make')), text.replace('"make"', '"evil"'));
  assert.equal(await cache.get(key('make')), 'kept');
  assert.equal(await cache.nearest('run/1', 'here', key('other')), null);
});

test('nearest finds the earlier key of the same place that differs least', async (t) => {
  const { cache } = await open(t);
  const files = (...names: string[]): CacheKey => makeKey('copy/1', [{ name: 'files', value: names.map((path) => ({ path, digest: path })) }]);
  await cache.put(files('a', 'b', 'c'), 1, 'Dockerfile 3');
  await cache.put(files('x', 'y'), 2, 'Dockerfile 3');
  await cache.put(files('a', 'b'), 3, 'Dockerfile 4');
  assert.deepEqual(await cache.nearest('copy/1', 'Dockerfile 3', files('a', 'b', 'd')), files('a', 'b', 'c'));
  assert.equal(await cache.nearest('run/1', 'Dockerfile 3', files('a')), null);
  assert.equal(await cache.nearest('copy/1', 'Dockerfile 5', files('a')), null);
});

test('nearest never finds the key itself, and of equally near ones the latest', async (t) => {
  const { cache } = await open(t);
  await cache.put(key('one'), 1, 'here');
  await cache.put(key('two'), 2, 'here');
  await cache.put(key('one'), 1, 'here');
  assert.deepEqual(await cache.nearest('run/1', 'here', key('one')), key('two'));
  assert.deepEqual(await cache.nearest('run/1', 'here', key('three')), key('one'));
});

test('records put at once by many are all there', async (t) => {
  const { cache } = await open(t);
  const names = Array.from({ length: 50 }, (_, index) => `command ${index}`);
  await Promise.all(names.map((name) => cache.put(key(name), name, 'same place')));
  for (const name of names) assert.equal(await cache.get(key(name)), name);
});

test('a record survives names like __proto__ and odd characters', async (t) => {
  const { cache } = await open(t);
  const odd = makeKey('run/1', [{ name: '__proto__', value: JSON.parse('{"__proto__":"x","constructor":"y","\\u2028":"\\ud800"}') as JsonValue }]);
  await cache.put(odd, { constructor: 'z' }, 'label');
  assert.deepEqual(await cache.get(odd), { constructor: 'z' });
  assert.equal((await cache.nearest('run/1', 'label', key('x')))?.digest, odd.digest);
});
