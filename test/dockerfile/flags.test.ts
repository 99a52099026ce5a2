import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import { readFlags, splitFlags, type FlagKind } from '../../src/dockerfile/flags.ts';
import { parseJsonForm } from '../../src/dockerfile/json-form.ts';
import { parseNameValues, splitQuotedWords } from '../../src/dockerfile/name-values.ts';
import { suggest } from '../../src/dockerfile/suggest.ts';

const position = { file: 'Dockerfile', startLine: 1, endLine: 1 };

function refuse(read: () => unknown, code: string, hint?: RegExp): void {
  assert.throws(read, (error) => {
    assert.ok(error instanceof TsbuildError, String(error));
    assert.equal(error.code, code);
    if (hint !== undefined) assert.match(error.hint ?? '', hint);
    return true;
  });
}

test('splitFlags takes the leading words that start with two dashes', () => {
  const table: readonly (readonly [text: string, flags: readonly string[], rest: string])[] = [
    ['', [], ''], ['a --b', [], 'a --b'], ['--a --b=c d --e', ['--a', '--b=c'], 'd --e'], ['  --a\t b', ['--a'], 'b'], ['- --a', [], '- --a'], ['-a b', [], '-a b'],
    ['-- --a b', [], ' --a b'], ['--a -- --b', ['--a'], ' --b'], ['--', [], ''], ['--a', ['--a'], ''], ['--=x', ['--=x'], ''],
    ['--a="b c" d', ['--a=b c'], 'd'], ["--a='b \"c' d", ['--a=b "c'], 'd'], ['--a=b\\ c d', ['--a=b c'], 'd'], ['--a="b\\"c" d', ['--a=b"c'], 'd'],
    ["--a='b\\'c' d", ["--a=b'c"], 'd'], ['--a="b', ['--a=b'], ''], ['--a=b\\', ['--a=b'], ''], ['--a="b\\', ['--a=b'], ''], ['--"a b" c', ['--a b'], 'c'],
    ['--a=é\u00a0b', ['--a=é'], 'b'], ['--a ["b", "c"]', ['--a'], '["b", "c"]'],
  ];
  for (const [text, flags, rest] of table) assert.deepEqual(splitFlags(text, '\\'), { flags, rest }, text);
});

test('splitFlags removes the escape character that the file chose', () => {
  assert.deepEqual(splitFlags('--a=b\\c --d=`"e`  f` g h', '`'), { flags: ['--a=b\\c', '--d="e '], rest: 'f` g h' });
  assert.deepEqual(splitFlags('--a=b`', '`'), { flags: ['--a=b'], rest: '' });
  assert.deepEqual(splitFlags('--chown=jürgen:à a', '\\'), { flags: ['--chown=jürgen:à'], rest: 'a' });
});

test('readFlags reads values by kind', () => {
  const known: Record<string, FlagKind> = { link: 'bool', from: 'text', exclude: 'list' };
  const read = (...flags: string[]): unknown => {
    const { bools, texts, lists } = readFlags(flags, known, { instruction: 'COPY', position });
    return [Object.fromEntries(bools), Object.fromEntries(texts), Object.fromEntries(lists)];
  };
  assert.deepEqual(read('--link', '--from=a=b', '--exclude=a', '--exclude='), [{ link: true }, { from: 'a=b' }, { exclude: ['a', ''] }]);
  assert.deepEqual(read('--link=FALSE', '--from='), [{ link: false }, { from: '' }, {}]);
  refuse(() => read('--link='), 'FLAG_VALUE');
  refuse(() => read('--link=1'), 'FLAG_VALUE');
  refuse(() => read('--from'), 'FLAG_VALUE', /--from=VALUE/);
  refuse(() => read('--exclude'), 'FLAG_VALUE');
  refuse(() => read('--link', '--link=false'), 'FLAG_DUPLICATE');
  refuse(() => read('--from=a', '--from=a'), 'FLAG_DUPLICATE');
  refuse(() => read('--form=a'), 'FLAG_UNKNOWN', /Did you mean --from\?/);
  refuse(() => read('--something'), 'FLAG_UNKNOWN', /COPY takes --link, --from, --exclude/);
  refuse(() => read('--__proto__=1'), 'FLAG_UNKNOWN');
  refuse(() => read('--constructor'), 'FLAG_UNKNOWN');
});

test('parseJsonForm reads arrays of strings as Go does', () => {
  const table: readonly (readonly [text: string, words: readonly string[] | undefined])[] = [
    ['["a", "b c"]', ['a', 'b c']], ['[]', []], ['  ["a"] ', ['a']], ['\u00a0["a"]', ['a']], ['["\\u0041\\n\\/"]', ['A\n/']], ['["\\ud800"]', ['\ufffd']], ['["\\ud83d\\ude00"]', ['😀']],
    ['["a"] x', undefined], ['["a",]', undefined], ["['a']", undefined], ['["a\\x"]', undefined], ['["a" "b"]', undefined], ['[a]', undefined], ['{"a":1}', undefined],
    ['"a"', undefined], ['', undefined], ['["a\tb"]', undefined], ['[1e999]', undefined], ['[', undefined], ['["a"\u00a0]', undefined],
  ];
  for (const [text, words] of table) assert.deepEqual(parseJsonForm(text), words, text);
  const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  for (const text of ['[[1e999]]', '[{"a": 1e999}]', deep(10_001), deep(30_000)]) assert.equal(parseJsonForm(text), undefined);
  refuse(() => parseJsonForm(deep(10_000)), 'JSON_FORM_STRINGS');
  for (const text of ['[1]', '["a", null]', '[["a"]]', '[true]', '[{}]']) refuse(() => parseJsonForm(text), 'JSON_FORM_STRINGS');
});

test('splitQuotedWords keeps quotes and escapes', () => {
  const table: readonly (readonly [text: string, words: readonly string[]])[] = [
    ['', []], ['a b', ['a', 'b']], ['a="b c"  d', ['a="b c"', 'd']], ['a\\ b c', ['a\\ b', 'c']], ['"a\\" b" c', ['"a\\" b"', 'c']], ["'a\\' b'", ["'a\\'", "b'"]],
    ['a\\', ['a']], ['\\', []], ['"a b', ['"a b']], ['"a\\', ['"a']], ['""', ['""']], ['a\u3000b', ['a', 'b']], ["a\\'b c", ["a\\'b", 'c']],
  ];
  for (const [text, words] of table) assert.deepEqual(splitQuotedWords(text, '\\'), words, text);
  assert.deepEqual(splitQuotedWords('a` b\\ c', '`'), ['a` b\\', 'c']);
});

test('parseNameValues takes the legacy form only where the first word has no equals sign', () => {
  const read = (text: string): readonly string[] => parseNameValues(text, { instruction: 'ENV', escape: '\\', position });
  assert.deepEqual(read('a=b c="d e"'), ['a', 'b', '=', 'c', '"d e"', '=']);
  assert.deepEqual(read('ONE TWO= THREE=w'), ['ONE', 'TWO= THREE=w', '']);
  assert.deepEqual(read('a  b  c'), ['a', 'b  c', '']);
  assert.deepEqual(read('a='), ['a', '', '=']);
  assert.deepEqual(read('=a'), ['', 'a', '=']);
  assert.deepEqual(read('a=b=c'), ['a', 'b=c', '=']);
  assert.deepEqual(read(''), []);
  refuse(() => read('a'), 'PAIR_INCOMPLETE', /name=value/);
  refuse(() => read('a=b c'), 'PAIR_INCOMPLETE');
});

test('suggest finds words at most two edits away', () => {
  const words = ['FROM', 'RUN', 'COPY', 'target'];
  assert.equal(suggest('FORM', words), 'FROM');
  assert.equal(suggest('RNU', words), 'RUN');
  assert.equal(suggest('COPYY', words), 'COPY');
  assert.equal(suggest('tarlet', words), 'target');
  assert.equal(suggest('COPY', words), undefined);
  assert.equal(suggest('ENTIRELY', words), undefined);
  assert.equal(suggest('x'.repeat(1_000_000), words), undefined);
});
