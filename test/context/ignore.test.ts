/** `.dockerignore` as moby/patternmatcher reads it: SEMANTICS A6, 107 to 113. */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import { ignoreRuleCountMax, parseExcludes, parseIgnore } from '../../src/context/ignore.ts';
import { isIgnored, openIgnore } from '../../src/context/open-ignore.ts';
import { compileIgnorePattern, matchesPattern, reachesBelow } from '../../src/context/ignore-pattern.ts';
import { compileGoPattern, hasWildcards } from '../../src/context/pattern.ts';
import { walkTree } from '../../src/context/tree.ts';
import { executedBlocks } from '../support/executed.ts';
import { readerOf, treeOf } from './support.ts';

/** Whether the rules, separated by blanks, ignore the path. */
function check(table: readonly (readonly [rules: string, ignored: string, kept?: string])[]): void {
  for (const [rules, ignored, kept = ''] of table) {
    const ignore = parseIgnore(rules.split(' ').join('\n'), '.dockerignore');
    for (const path of ignored.split(' ').filter(Boolean)) assert.ok(isIgnored(ignore, path), `${rules} ignores ${path}`);
    for (const path of kept.split(' ').filter(Boolean)) assert.ok(!isIgnored(ignore, path), `${rules} does not ignore ${path}`);
  }
}

test('A6.109 lines are trimmed and cleaned, # is a comment in the first column only', () => {
  check([
    ['foo/', 'foo foo/a', 'a/foo'], ['/foo', 'foo', 'a/foo'], ['./foo/../bar//baz/', 'bar/baz', 'foo bar'], ['//foo', 'foo'], ['/', '', 'a'], ['.', '', 'a'], ['..', '', 'a'],
  ]);
  const ignored = (text: string, path: string): boolean => isIgnored(parseIgnore(text, 'f'), path);
  assert.ok(ignored('\ufeff# c\r\n  a  \r\n\r\n #b\r\n', 'a'));
  assert.ok(ignored(' #b', '#b'));
  assert.ok(!ignored('#b', '#b'));
  assert.ok(!ignored('\ufeff#b', '#b'));
  assert.ok(ignored('\ufeffa', 'a'));
  assert.ok(ignored('a b\tc', 'a b\tc'));
});

test('A6.110 patterns are anchored, * and ? stop at /, ** spans directories', () => check([
  ['foo', 'foo foo/x', 'a/foo xfoo foox'], ['**/foo', 'foo a/foo a/b/foo foo/x a/foo/x', 'afoo a/bfoo'], ['*', 'a a/b .a'], ['*/b', 'a/b a/b/c', 'b a/x/b'], ['a?c', 'abc a😀c', 'a/c ac abbc'],
  ['a/**', 'a/b a/b/c', 'a b/a'], ['a**', 'a ab a/b abc/d', 'b'], ['a/**/b', 'a/b a/x/b a/x/y/b', 'a/xb b'], ['**/*.txt', 'a.txt x/y/a.txt', 'txt a.txtx'], ['**', 'a a/b'], ['**/', 'a a/b'], ['**/**', 'a a/b'],
  ['**/a/**', 'a/b x/a/b', 'a x/a b/c'], ['*.md', 'a.md .md', 'x/a.md'], ['a*b*c', 'abc axbxc', 'a/b/c ab'], ['a**/*.txt', 'a/x.txt a/b/x.txt', 'b/x.txt'],
]));

test('A6.110 ** before plain text means ends in, as in patternmatcher', () => check([
  ['**.log', 'a.log x/a.log .log', 'a.logs'], ['**file', 'file xfile a/xfile'], ['a**.log', 'a.log', 'ab.log'], ['a**.log', 'ax/.log'], ['**.l?g', '.log x/.log', 'a.log'],
]));

test('A6.110 classes and escapes', () => check([
  ['a[b-d]e', 'abe ace', 'ae aae'], ['a[^b-d]e', 'aze', 'ace'], ['[[]a]', '[a]'], ['a\\*b', 'a*b', 'axb'], ['\\[a', '[a'], ['a\\\\b', 'a\\b'], ['[\\]]', ']'], ['[a-c\\-]', 'b -', 'd'], ['[é-ü]', 'ö', 'z'], ['[😀-😂]', '😁', '😃'],
  ['a.b', 'a.b', 'axb'], ['a(b)c', 'a(b)c'], ['a.|)$(}+{bc', 'a.|)$(}+{bc'], ['a]', 'a]'],
]));

test('A6.111 the last matching line wins, and a parent counts for its children', () => {
  check([
    ['*.md !README.md', 'a.md', 'README.md'], ['*.md !README*.md README-secret.md', 'a.md README-secret.md', 'README.md README-x.md'], ['!a.md *.md', 'a.md'],
    ['docs !docs/README.md', 'docs docs/a', 'docs/README.md'], ['docs/ !docs/a', 'docs/b', 'docs/a docs/a/b'], ['* !a/b', 'a a/c b', 'a/b a/b/c'], ['** !util/web util/web/foo', 'util/web/foo', 'util/web/bar'],
    ['a/b !a', '', 'a a/b a/b/c'], ['!a a/b', 'a/b a/b/c', 'a'], ['a !a !!a', '', 'a !a'], ['a !/a', '', 'a'],
  ]);
});

test('A6.111 a lone ! and a wrong pattern are refused at their line', () => {
  const table: readonly (readonly [text: string, line: number])[] = [['a\n!', 2], ['! ', 1], ['a\n\n[', 3], ['[]a]', 1], ['[-]', 1], ['[x-]', 1], ['[a-b-c]', 1], ['[z-a]', 1], ['a\n!/', 2], ['!/ /..', 1], ['[\udcff]', 1], [`a\n${'b'.repeat(65_536)}`, 2], [`a\n${'é'.repeat(32_768)}`, 2], ['a[', 1], ['[^', 1], ['a\\', 1], ['!a[', 1], ['[a\\', 1]];
  for (const [text, line] of table) {
    assert.throws(() => parseIgnore(text, 'a/.dockerignore'), (error) => {
      assert.ok(error instanceof TsbuildError, text);
      assert.deepEqual([error.code, error.errorClass, error.position], ['IGNORE_INVALID', 'usage', { file: 'a/.dockerignore', startLine: line, endLine: line }], text);
      return true;
    }, text);
  }
});

test('A6.111 only directories that a ! rule could reach are walked', () => {
  const table: readonly (readonly [rules: string, reached: string, unreached: string])[] = [
    ['* !a/b/c', 'a a/b', 'b a/x'], ['* !**/c', 'a a/b/x', ''], ['* !a*/c', 'a ab', 'b a/b'], ['* !a', '', 'b'], ['!a/b *', '', 'a'], ['a b !b/c', 'b', 'a'], ['a !a/b a/b', '', 'a/b'], ['* !a/**', 'a', 'b'], ['* !x[a/b]y/z', 'xay', 'y'], ['* !a**/c', 'a ab', 'b'],
  ];
  for (const [rules, reached, unreached] of table) {
    const open = openIgnore(parseIgnore(rules.split(' ').join('\n'), 'f'));
    for (const path of reached.split(' ').filter(Boolean)) assert.ok(open.mayHoldExceptions(path), `${rules} reaches ${path}`);
    for (const path of unreached.split(' ').filter(Boolean)) assert.ok(!open.mayHoldExceptions(path), `${rules} does not reach ${path}`);
  }
  const { read, counts } = readerOf(['node_modules/x/y', 'src/a', 'src/b']);
  const tree = treeOf([]);
  assert.deepEqual([...walkTree({ ...tree, list: read, ignore: openIgnore(parseIgnore('!src\nnode_modules', 'f')) }, '')].map(({ path }) => path), ['src', 'src/b', 'src/a']);
  assert.equal(counts.has('node_modules'), false);
});

test('A6.109 what a line says is looked at again when it is clean: a ! may come out then, or blanks', () => {
  const table: readonly (readonly [text: string, ignored: readonly string[], kept: readonly string[]])[] = [
    ['*\n/!a', ['b'], ['a']], ['*\n./!a', ['b'], ['a']], ['*\nx/../!a', ['b'], ['a']], ['*\n! /a', ['b'], ['a']], ['*\n!!a', ['a', 'b'], ['!a']], ['/ a', ['a'], [' a']], ['/ /a', [], ['a', ' /a']], ['/ ./a', ['a'], []],
    ['/ /', [], ['a', ' ']], ['\u0085a\u0085\u3000', ['a'], []], ['a\u200b', ['a\u200b'], ['a']], ['a\n\ufeffb\n\ufeffc*', ['a', '\ufeffb', 'cd'], ['b', '\ufeffcd']], ['\ufeff\ufeffa', ['\ufeffa'], ['a']], ['\\#a\n\\!b', ['#a', '!b'], ['a', 'b']],
    ['a\rb\r\n', ['a\rb'], ['a']], ['a\udcff', ['a\udcff'], ['a\ufffd']], ['a\udcff*', ['a\udcff', 'a\udc80x', 'a\ufffd'], ['a', 'aé']], ['a\vb', ['a\vb'], []], ['..\n../a\na/../../b', ['..'], ['a', 'b']], ['a b', ['a b'], ['a', 'b']],
  ];
  for (const [text, ignored, kept] of table) {
    const open = openIgnore(parseIgnore(text, 'f'));
    for (const path of ignored) assert.ok(open.isIgnored(path), `${JSON.stringify(text)} ignores ${JSON.stringify(path)}`);
    for (const path of kept) assert.ok(!open.isIgnored(path), `${JSON.stringify(text)} keeps ${JSON.stringify(path)}`);
  }
});

test('a rule knows the line that it stands in, and what is written there', () => {
  const { rules } = parseIgnore('\ufeff# c\r\n\n  /a/ \r\n\t! b\n', 'f');
  assert.deepEqual(rules.map(({ line, text, isException }) => [line, text, isException]), [[3, '/a/', false], [4, '! b', true]]);
});

test('more rules than a context needs are refused', () => {
  assert.equal(parseIgnore('a\n'.repeat(ignoreRuleCountMax), 'f').rules.length, ignoreRuleCountMax);
  assert.throws(() => parseIgnore('a\n'.repeat(ignoreRuleCountMax + 1), 'f'), { code: 'IGNORE_TOO_LARGE' });
});

test('a line feed in a name is no character to **, except at the ends of a pattern', () => check([
  ['**/*.x', 'a/b.x', 'a\nb/c.x'], ['**/b.x', 'a\nb/b.x'], ['a/**', 'a/b\nc a/b\nc/d'], ['a?/**', 'ab/c', 'ab/c\nd ab/c\nd/e'], ['**/a?/**', 'x/ab/c', 'x\ny/ab/c x/ab/c\nd'], ['*', 'a\nb'], ['a*', 'a\nb'], ['a[^b]c', 'a\nc'],
]));

test('parseExcludes takes patterns as they are: # is no comment, and errors have no place of their own', () => {
  const excludes = openIgnore(parseExcludes(['#a', ' b ', '', '!c']));
  assert.deepEqual(['#a', 'b', 'c'].map((text) => excludes.isIgnored(text)), [true, true, false]);
  assert.throws(() => parseExcludes(['[']), (error) => error instanceof TsbuildError && error.code === 'PATTERN_INVALID' && error.position === undefined);
});

test('A6.56 COPY sources match as Go filepath.Match does', () => {
  const table: readonly (readonly [pattern: string, text: string, expected: boolean])[] = [
    ['abc', 'abc', true], ['*', 'abc', true], ['*c', 'abc', true], ['a*', 'a', true], ['a*', 'ab/c', false], ['a*/b', 'abc/b', true], ['a*/b', 'a/c/b', false], ['a*b*c*d*e*/f', 'axbxcxdxe/f', true],
    ['a*b*c*d*e*/f', 'axbxcxdxexxx/fff', false], ['a*b?c*x', 'abxbbxdbxebxczzx', true], ['a*b?c*x', 'abxbbxdbxebxczzy', false], ['ab[c]', 'abc', true], ['ab[b-d]', 'abc', true], ['ab[e-g]', 'abc', false],
    ['ab[^c]', 'abc', false], ['ab[^e-g]', 'abc', true], ['a\\*b', 'a*b', true], ['a\\*b', 'ab', false], ['a?b', 'a☺b', true], ['a[^a]b', 'a☺b', true], ['a???b', 'a☺b', false], ['[a-ζ]*', 'α', true], ['*[a-ζ]', 'A', false],
    ['a?b', 'a/b', false], ['a*b', 'a/b', false], ['[\\]a]', ']', true], ['[\\-]', '-', true], ['[x\\-]', 'x', true], ['[\\-x]', '-', true], ['[\\-x]', 'a', false], ['*x', 'xxx', true], ['**', 'a', true], ['a**b', 'a/b', false],
    ['[[]a', '[a', true], ['.*', '.a', true], ['?', '😀', true], ['??', '😀', false], ['*?', '😀', true], ['?', '\udcff', true], ['*\udc80', '\u{1f480}', false], ['', '', true], ['', 'a', false],
  ];
  for (const [given, text, expected] of table) assert.equal(compileGoPattern(given).matches(text), expected, `${given} and ${text}`);
  for (const wrong of ['[]a]', '[-]', '[x-]', '[-x]', '\\', '[a-b-c]', '[', '[^', '[^bc', 'a[', '[a-]', '[a-\\']) assert.throws(() => compileGoPattern(wrong), { code: 'PATTERN_INVALID' }, wrong);
  const wildcards: readonly (readonly [text: string, expected: boolean])[] = [['a', false], ['a*', true], ['?', true], ['[a', true], ['\\*', false], ['\\\\*', true], ['a]', false], ['\\', false]];
  for (const [text, expected] of wildcards) assert.equal(hasWildcards(text), expected, text);
});

test('no pattern makes matching slow', () => {
  const long = 'a'.repeat(255);
  const deep = Array.from({ length: 60 }, () => 'aaa').join('/');
  const table: readonly (readonly [pattern: string, path: string])[] = [
    [`${'a*'.repeat(30)}b`, long], [`${'*a'.repeat(100)}b`, long], [`${'**/a*'.repeat(30)}b`, deep], [`${'**/'.repeat(80)}b`, deep], [`${'a**'.repeat(60)}b`, deep], [`${'[a-z]*'.repeat(40)}1`, long], [`${'*?'.repeat(60)}b`, long],
  ];
  for (const [given, text] of table) {
    const spent = executedBlocks(() => {
      assert.equal(matchesPattern(compileIgnorePattern(given), text), false);
      assert.equal(compileGoPattern(given).matches(text), false);
      reachesBelow(compileIgnorePattern(given), text);
    });
    assert.ok(spent < 2_000_000, `${given.slice(0, 20)}… took ${spent} blocks`);
  }
});

test('50 rules over 20,000 files cost microseconds each, and so does asking what a ! rule reaches', () => {
  const rules = Array.from({ length: 25 }, (_, index) => [`**/skip${index}`, `!packages/*/keep${index}/**/x`]).flat();
  const files = Array.from({ length: 20_000 }, (_, index) => `packages/p${index % 40}/src/part${index % 100}/file${index}.ts`);
  const tree = treeOf(files, ['node_modules', ...rules]);
  let count = 0;
  const spent = executedBlocks(() => {
    for (const { entry } of walkTree(tree, '')) count += entry.type === 'file' ? 1 : 0;
  });
  assert.equal(count, 20_000);
  assert.ok(spent < 20_000 * 500, `${spent} blocks`);
  const open = openIgnore(parseIgnore(`*\n${rules.join('\n')}`, 'f'));
  const asked = executedBlocks(() => {
    for (let round = 0; round < 5000; round++) open.mayHoldExceptions(`packages/p/none${round}/a/b/c`);
  });
  assert.ok(asked < 5000 * 2000, `${asked} blocks`);
});

test('reading an expression looks at each of its characters a few times, however many it has', () => {
  const join = Array.prototype.join;
  let copied = 0;
  Array.prototype.join = function (separator?: string): string {
    copied += this.length;
    return join.call(this, separator);
  };
  try {
    for (const piece of ['(a^b', '^[[:x', '\\x41^']) assert.throws(() => compileIgnorePattern(`${piece.repeat(12_000)}*`), { code: 'PATTERN_INVALID' });
  } finally {
    Array.prototype.join = join;
  }
  assert.ok(copied < 1_000_000, `${copied} characters were copied`);
});
