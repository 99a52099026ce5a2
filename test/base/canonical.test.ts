/** One form for equal data, and keys that no two different lists share. */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson, compareBytes, makeKey, type JsonValue } from '../../src/base/canonical.ts';
import { assertProperty } from '../support/property.ts';

test('canonicalJson sorts keys, has no blanks, and leaves out what is undefined', () => {
  const table: readonly (readonly [value: JsonValue, expected: string])[] = [
    [null, 'null'], [true, 'true'], ['a"\n', '"a\\"\\n"'], [-0, '0'], [1e21, '1e+21'], [[], '[]'], [{}, '{}'], [{ b: 1, a: [{ d: 1, c: 2 }] }, '{"a":[{"c":2,"d":1}],"b":1}'], [{ a: undefined, b: null }, '{"b":null}'],
    [{ 10: 1, 9: 2, a: 3 }, '{"10":1,"9":2,"a":3}'], [JSON.parse('{"__proto__":1,"constructor":2}') as JsonValue, '{"__proto__":1,"constructor":2}'], ['\udcff', '"\\udcff"'], [{ é: 1, z: 2, '\uffff': 3, '😀': 4 }, '{"z":2,"é":1,"😀":4,"\uffff":3}'],
  ];
  for (const [value, expected] of table) assert.equal(canonicalJson(value), expected);
  for (const number of [NaN, Infinity, -Infinity]) assert.throws(() => canonicalJson([number]), { code: 'CANONICAL_NUMBER', exitCode: 70 });
});

/** The same data with the fields of every object in another order. */
function shuffled(value: JsonValue): JsonValue {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(shuffled);
  return Object.fromEntries(Object.entries(value).reverse().map(([key, field]) => [key, field === undefined ? field : shuffled(field)]));
}

const json = fc.jsonValue() as fc.Arbitrary<JsonValue>;

test('property: equal data has equal text, and the text is the data', () => {
  assertProperty(fc.property(json, (value) => {
    const text = canonicalJson(value);
    assert.equal(canonicalJson(shuffled(value)), text);
    assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
    assert.equal(canonicalJson(JSON.parse(text) as JsonValue), text);
  }), { numRuns: 1000 });
});

const part = fc.record({ name: fc.constantFrom('a', 'b', 'ab'), value: fc.oneof(fc.constantFrom<JsonValue>('', 'a', 'ab', 'b', null, ['a', 'b'], ['ab'], [['a'], 'b'], '["a","b"]'), json) });

test('A6.104 property: keys are equal for equal lists of parts only', () => {
  const parts = fc.array(part, { maxLength: 4 });
  assertProperty(fc.property(parts, parts, fc.constantFrom('x/1', 'x/2'), (a, b, operation) => {
    const isSame = operation === 'x/1' && canonicalJson(a.map(({ name, value }) => [name, value])) === canonicalJson(b.map(({ name, value }) => [name, value]));
    assert.equal(makeKey('x/1', a).digest === makeKey(operation, b).digest, isSame);
  }), { numRuns: 2000 });
});

test('makeKey keeps its parts, and its encoding stays as it is', () => {
  const parts = [{ name: 'root', value: null }, { name: 'command', value: ['a', 'b c'] }];
  assert.deepEqual(makeKey('run/1', parts), { digest: 'sha256:e5813bffd608cb0f055e3bea601d8b44b310fd83472b331017d8639b28b168ca', operation: 'run/1', parts });
});

test('compareBytes has the order of UTF-8', () => {
  assert.deepEqual(['\uffff', '😀', 'é', 'z', ''].sort(compareBytes), ['', 'z', 'é', '\uffff', '😀']);
});
