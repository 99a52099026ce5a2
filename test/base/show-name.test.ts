/** How names stand in messages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { showName } from '../../src/base/show-name.ts';

for (const [name, shown] of [
  ['a b', 'a b'], ['ä😀', 'ä😀'], ['"', '"'], ['a\nb', '"a\\nb"'], ['\u001b[31m"', '"\\u001b[31m\\""'], ['a\udcff', '"a\\udcff"'], ['\u009b', '"\\u009b"'], ['\u2028', '"\\u2028"'],
] as const) {
  test(`${JSON.stringify(name)} is shown as ${JSON.stringify(shown)}`, () => { assert.equal(showName(name), shown); });
}
