/** Substitution of variables: one test for each row of the reference's table A3. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expand } from './semantics-support.ts';

const variables = { x: 'value', e: '', p: '/usr/lib/x.tar.gz', a: 'abcabc' };

function check(table: readonly (readonly [word: string, expected: string])[]): void {
  for (const [word, expected] of table) assert.equal(expand(word, variables), expected, word);
}

test('A3.1 $x and ${x} give the value, and nothing where there is none', () => check([['$x', 'value'], ['${x}', 'value'], ['a${x}b', 'avalueb'], ['$n', ''], ['${n}', '']]));

test('A3.2 ${x:-w} and ${x:+w} treat empty as unset', () => check([
  ['${x:-w}', 'value'], ['${e:-w}', 'w'], ['${n:-w}', 'w'], ['${x:+w}', 'w'], ['${e:+w}', ''], ['${n:+w}', ''],
]));

test('A3.3 ${x-w} and ${x+w} treat empty as set', () => check([['${x-w}', 'value'], ['${e-w}', ''], ['${n-w}', 'w'], ['${x+w}', 'w'], ['${e+w}', 'w'], ['${n+w}', '']]));

test('A3.4 ${x:?msg} and ${x?msg} refuse what is missing', () => check([
  ['${x:?m}', 'value'], ['${e:?m}', '!WORD_REQUIRED'], ['${n:?m}', '!WORD_REQUIRED'], ['${e?m}', ''], ['${n?m}', '!WORD_REQUIRED'],
]));

test('A3.5 ${x#p}, ${x##p}, ${x%p} and ${x%%p} take the shortest or longest match away, and * crosses /', () => check([
  ['${p#/*/}', 'lib/x.tar.gz'], ['${p##/*/}', 'x.tar.gz'], ['${p%.*}', '/usr/lib/x.tar'], ['${p%%.*}', '/usr/lib/x'], ['${p#*}', '/usr/lib/x.tar.gz'], ['${p##*}', ''],
  ['${x#v?l}', 'ue'], ['${x%?}', 'valu'], ['${x#z}', 'value'], ['${n#z}', ''], ['${x#[v]}', 'value'],
]));

test('A3.6 ${x/p/r} replaces the first match and ${x//p/r} all', () => check([
  ['${a/b/X}', 'aXcabc'], ['${a//b/X}', 'aXcaXc'], ['${a/z/X}', 'abcabc'], ['${a//?/X}', 'XXXXXX'], ['${p//\\//-}', '-usr-lib-x.tar.gz'], ['${n/a/b}', ''], ['${a/b}', '!WORD_UNCLOSED'],
]));

test('A3.7 an escaped $ and single quotes are literal; double quotes substitute', () => check([['\\$x', '$x'], ["'$x'", '$x'], ['"$x"', 'value'], ['"\\$x"', '$x'], ["\"'$x'\"", "'value'"]]));

test('A3.8 substitutions can be nested', () => check([['${n:-${x}}', 'value'], ['${n:-${m:-${e:-${x}}}}', 'value'], ['${x:+<${a#${n:-a}}>}', '<bcabc>'], ['${n:-"${m:-a b}"}', 'a b']]));
