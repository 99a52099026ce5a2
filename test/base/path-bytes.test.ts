/** Names of files as strings that keep every byte. */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { comparePaths, decodePath, encodePath } from '../../src/base/path-bytes.ts';
import { assertProperty } from '../support/property.ts';

test('decodePath keeps UTF-8 and makes low surrogates of other bytes', () => {
  const table: readonly (readonly [bytes: readonly number[], expected: string])[] = [
    [[], ''], [[0x61, 0x2f, 0x62], 'a/b'], [[0xc3, 0xa9], 'é'], [[0xf0, 0x9f, 0x98, 0x80], '😀'], [[0xef, 0xbb, 0xbf, 0x61], '\ufeffa'], [[0xff], '\udcff'], [[0x61, 0x80, 0xc3, 0xa9], 'a\udc80é'],
    [[0xc3], '\udcc3'], [[0xe2, 0x82], '\udce2\udc82'], [[0xc0, 0xaf], '\udcc0\udcaf'], [[0xed, 0xb2, 0x80], '\udced\udcb2\udc80'], [[0xf4, 0x90, 0x80, 0x80], '\udcf4\udc90\udc80\udc80'], [[0xf0, 0x9f, 0x98, 0x80, 0x80], '😀\udc80'],
    [[0xef, 0xbf, 0xbd], '\ufffd'], [[0xff, 0xef, 0xbb, 0xbf], '\udcff\ufeff'],
  ];
  for (const [bytes, expected] of table) assert.equal(decodePath(Uint8Array.from(bytes)), expected);
});

const bytes = fc.oneof(fc.uint8Array({ maxLength: 12 }), fc.array(fc.constantFrom(0x61, 0x2f, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80, 0xed, 0xb2, 0xff, 0xef, 0xbb, 0xbf), { maxLength: 10 }).map((list) => Uint8Array.from(list)));

test('property: any bytes come back unchanged, and different bytes are different strings', () => {
  assertProperty(fc.property(bytes, bytes, (a, b) => {
    assert.deepEqual(new Uint8Array(encodePath(decodePath(a))), a);
    assert.equal(decodePath(a) === decodePath(b), Buffer.compare(a, b) === 0);
  }), { numRuns: 5000 });
});

test('property: a path and its parts are decoded alike', () => {
  assertProperty(fc.property(fc.array(bytes.map((part) => part.filter((byte) => byte !== 0x2f)), { minLength: 1, maxLength: 4 }), (parts) => {
    const whole = Buffer.concat(parts.flatMap((part, index) => (index === 0 ? [part] : [Buffer.from('/'), part])));
    assert.deepEqual(decodePath(whole).split('/'), parts.map(decodePath));
  }), { numRuns: 2000 });
});

test('property: comparePaths has the order of the bytes', () => {
  assertProperty(fc.property(bytes, bytes, (a, b) => assert.equal(Math.sign(comparePaths(decodePath(a), decodePath(b))), Buffer.compare(a, b))), { numRuns: 5000 });
  const text = fc.string({ unit: 'binary', maxLength: 8 });
  assertProperty(fc.property(text, text, (a, b) => assert.equal(comparePaths(a, b), Buffer.compare(Buffer.from(a), Buffer.from(b)))), { numRuns: 2000 });
});

test('property: any JSON keeps such names', () => {
  assertProperty(fc.property(bytes, (given) => assert.equal(JSON.parse(Buffer.from(JSON.stringify(decodePath(given)), 'utf8').toString('utf8')), decodePath(given))));
});
