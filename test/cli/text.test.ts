import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineSplitter, lineLengthMax } from '../../src/cli/text/lines.ts';
import { cleanLine, showControls } from '../../src/cli/text/sanitize.ts';
import { formatBytes, formatLogTime } from '../../src/cli/text/units.ts';
import { displayWidth, expandTabs, justify, truncate } from '../../src/cli/text/width.ts';
import { assertProperty } from '../support/property.ts';

const harmful = /[\0-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

/** Text in which escape sequences and their halves are frequent. */
const hostile = fc.array(
  fc.oneof(
    fc.constantFrom('\x1b', '\x1b[', '\x1b]0;', '\x07', '\x9b', '\x9d', '\x90', '\x9c', '\x1b\\', '[2J', '31m', '\x1b[?1049h', '\x1bP', '\x1bc', '\u202e', '\r', '\x7f', '\x08', ';', 'a', '語'),
    fc.string({ unit: 'binary' }),
  ),
  { maxLength: 30 },
).map((parts) => parts.join(''));

test('nothing that a terminal obeys gets through cleanLine and showControls', () => {
  assertProperty(fc.property(hostile, (text) => {
    assert.doesNotMatch(cleanLine(text), harmful);
    assert.doesNotMatch(showControls(text), harmful);
  }), { numRuns: 2000 });
});

test('cleanLine leaves text without control characters alone', () => {
  assertProperty(fc.property(fc.string({ unit: 'grapheme' }).filter((text) => !harmful.test(text)), (text) => {
    assert.equal(cleanLine(text), text);
  }));
});

test('cleanLine keeps the text after a control string that never ends', () => {
  assert.equal(cleanLine('\x1b]0;all that follows'), ']0;all that follows');
});

test('LineSplitter gives the same lines however the stream is cut', () => {
  const stream = fc.array(fc.constantFrom('a', 'bc', '\n', '\r', '\r\n', '10%')).map((parts) => parts.join(''));
  assertProperty(fc.property(stream, fc.array(fc.nat(5)), (text, cuts) => {
    const whole = new LineSplitter();
    const pieces = new LineSplitter();
    const expected = [...whole.push(text), ...whole.flush()];
    const actual: string[] = [];
    let rest = text;
    for (const length of cuts) {
      actual.push(...pieces.push(rest.slice(0, length)));
      rest = rest.slice(length);
    }
    assert.deepEqual([...actual, ...pieces.push(rest), ...pieces.flush()], expected);
  }));
});

test('LineSplitter keeps a bounded rest', () => {
  const splitter = new LineSplitter();
  let length = 0;
  for (let round = 0; round < 100; round += 1) length += splitter.push('x'.repeat(10_000)).join('').length;
  assert.ok(splitter.partial.length <= lineLengthMax);
  assert.equal(length + splitter.partial.length, 1_000_000);
});

for (const [text, width] of [['abc', 3], ['変数', 4], ['é', 1], ['e\u0301', 1], ['👍', 2], ['한글', 4], ['\u200bx', 1], ['ｱ', 1], ['Ａ', 2]] as const) {
  test(`${JSON.stringify(text)} takes ${width} columns`, () => {
    assert.equal(displayWidth(text), width);
  });
}

test('truncate never exceeds the width and never halves a wide character', () => {
  assertProperty(fc.property(fc.string({ unit: 'grapheme' }), fc.nat(20), (text, columns) => {
    const cut = truncate(text, columns);
    assert.ok(displayWidth(cut) <= columns);
    assert.ok(text.startsWith(cut));
  }));
});

test('justify fills the width exactly', () => {
  for (const left of ['a', '変数'.repeat(40), 'x'.repeat(100)]) assert.equal(displayWidth(justify(left, '1.2s', 40)), 40);
});

test('expandTabs moves to multiples of eight', () => {
  assert.equal(expandTabs('a\tb\t変\tc'), 'a       b       変      c');
});

test('sizes and times have a steady shape', () => {
  assert.deepEqual([0, 999, 1000, 12_345_678, 999_999].map(formatBytes), ['0B', '999B', '1.00kB', '12.35MB', '1.00MB']);
  assert.deepEqual([0, 312, 9999.6, 12_340, 123_456].map(formatLogTime), ['0.000', '0.312', '10.00', '12.34', '123.5']);
});
