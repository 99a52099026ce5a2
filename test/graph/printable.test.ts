/** The table of printable characters: SEMANTICS A6, 99, whose history must not depend on the version of Node. */
import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { isPrintable } from '../../src/graph/printable.ts';

const codePoints = Array.from({ length: 0x110000 }, (_, code) => code);

test('the table is the one of Unicode 15.0', () => {
  const printable = codePoints.filter(isPrintable);
  assert.equal(printable.length, 148_998); // of UnicodeData.txt 15.0.0: L, M, N, P, S and the blank
  assert.equal(createHash('sha256').update(printable.join(' ')).digest('hex'), 'd58229b2ce7b8ba7a76fa32ed2be10560d073cd0db3fcbe17ca10d8ead5335c5');
});

test('what the table calls printable is printable in every later Unicode, such as this machine has', () => {
  const lost = codePoints.filter((code) => isPrintable(code) && !/^[ \p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(String.fromCodePoint(code)));
  assert.deepEqual(lost, []);
});

test('characters of later versions, blanks, controls, surrogates and what is for private use are not printable', () => {
  // U+1FAE9 came with Unicode 16, U+2FFC with 15.1, U+1FAE8 with 15.0.
  for (const code of [0x1fae9, 0x2ffc, 0, 0x1f, 0x7f, 0x80, 0xa0, 0xad, 0x2028, 0x3000, 0xd800, 0xdfff, 0xe000, 0xfeff, 0xffff, 0xe0001, 0x10ffff]) {
    assert.equal(isPrintable(code), false, code.toString(16));
  }
  for (const code of [0x20, 0x7e, 0xa1, 0xe9, 0x301, 0x4e00, 0xfffd, 0x1fae8, 0xe01ef]) assert.equal(isPrintable(code), true, code.toString(16));
});
