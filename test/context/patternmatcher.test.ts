/**
 * What moby/patternmatcher 0.6 and its package ignorefile say about single patterns: the facts of their own tests, and those
 * that follow from how a pattern becomes a regular expression, all asked of the original. Paths never end in `/` here.
 */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { compileIgnorePattern, matchesPattern } from '../../src/context/ignore-pattern.ts';
import { parseIgnore } from '../../src/context/ignore.ts';
import { openIgnore } from '../../src/context/open-ignore.ts';
import { executedBlocks } from '../support/executed.ts';

/** `=` the path itself, `/` one of its parents, `-` neither. */
type Verdict = '=' | '/' | '-';

function verdictOf(pattern: string, path: string): Verdict {
  const ignore = parseIgnore(pattern, 'f');
  const [rule] = ignore.rules;
  assert.ok(rule !== undefined, pattern);
  if (matchesPattern(rule.pattern, path)) return '=';
  return openIgnore(ignore).isIgnored(path) ? '/' : '-';
}

/** Each path with its verdict in front. */
function check(table: readonly (readonly [pattern: string, ...paths: readonly string[]])[]): void {
  for (const [pattern, ...paths] of table) {
    for (const path of paths) assert.equal(verdictOf(pattern, path.slice(1)), path[0], `${JSON.stringify(pattern)} and ${JSON.stringify(path)}`);
  }
}

test('patternmatcher: ** spans directories', () => check([
  ['**', '=file', '=dir/file'], ['**/', '=file', '=dir/file'], ['**/**', '=dir/file'], ['dir/**', '=dir/file', '=dir/dir2/file'], ['**/dir', '=dir', '/dir/file'], ['**/dir2/*', '=dir/dir2/file', '/dir/dir2/file/x'],
  ['**/dir2/**', '=dir/dir2/dir3/file'], ['**file', '=file', '=dir/file', '=dir/dir/file'], ['**/file', '=dir/file', '=dir/dir/file'], ['**/file*', '=dir/dir/file', '=dir/dir/file.txt'], ['**/file*txt', '=dir/dir/file.txt'],
  ['**/file*.txt', '=dir/dir/file.txt'], ['**/file*.txt*', '=dir/dir/file.txt'], ['**/**/*.txt', '=dir/dir/file.txt', '=file.txt'], ['**/**/*.txt2', '-dir/dir/file.txt'], ['**/*.txt', '=file.txt'],
  ['a**/*.txt', '=a/file.txt', '=a/dir/file.txt', '=a/dir/dir/file.txt'], ['a/*.txt', '-a/dir/file.txt', '=a/file.txt'], ['a/*.txt**', '=a/file.txt'], ['**/foo/bar', '=foo/bar', '=dir/foo/bar', '=dir/dir2/foo/bar'],
  ['abc/**', '-abc', '=abc/def', '=abc/def/ghi'], ['**/.foo', '=.foo', '-bar.foo'],
]));

test('patternmatcher: wildcards in a name, classes, and characters that mean something elsewhere', () => check([
  ['a[b-d]e', '-ae', '=ace', '-aae'], ['a[^b-d]e', '=aze'], ['.*', '=.foo', '-foo'], ['abc.def', '-abcdef', '=abc.def', '-abcZdef'], ['abc?def', '=abcZdef', '-abcdef'], ['a(b)c/def', '=a(b)c/def', '-a(b)c/xyz'],
  ['a.|)$(}+{bc', '=a.|)$(}+{bc'], ['dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl', '=dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl'], ['dist/*.whl', '=dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl'],
  ['a\\\\', '=a\\'], ['a\\*b', '=a*b', '-ab'], ['*', '=abc'], ['*c', '=abc'], ['a*', '=a', '=abc', '/ab/c'], ['a*/b', '=abc/b', '-a/c/b'], ['a*b*c*d*e*/f', '=axbxcxdxe/f', '=axbxcxdxexxx/f', '-axbxcxdxe/xxx/f', '-axbxcxdxexxx/fff'],
  ['a*b?c*x', '=abxbbxdbxebxczzx', '-abxbbxdbxebxczzy'], ['ab[c]', '=abc'], ['ab[b-d]', '=abc'], ['ab[e-g]', '-abc'], ['ab[^c]', '-abc'], ['ab[^b-d]', '-abc'], ['ab[^e-g]', '=abc'], ['a?b', '=a☺b', '-a/b'], ['a[^a]b', '=a☺b'],
  ['a???b', '-a☺b'], ['a[^a][^a][^a]b', '-a☺b'], ['[a-ζ]*', '=α'], ['*[a-ζ]', '-A'], ['a*b', '-a/b'], ['[\\]a]', '=]'], ['[\\-]', '=-'], ['[x\\-]', '=x', '=-', '-z'], ['[\\-x]', '=x', '=-', '-a'], ['*x', '=xxx'],
]));

test('patternmatcher: rules in a row', () => {
  const table: readonly (readonly [rules: string, path: string, ignored: boolean])[] = [
    ['!fileutils.go *.go', 'fileutils.go', true], ['*.go !fileutils.go', 'fileutils.go', false], ['docs !docs/README.md', 'docs/README.md', false], ['docs/ !docs/README.md', 'docs/README.md', false], ['docs/* !docs/README.md', 'docs/README.md', false],
    ['** !util/docker/web', 'util/docker/web/foo', false], ['** !util/docker/web util/docker/web/foo', 'util/docker/web/foo', true], ['** !dist/a.b+c-1.whl', 'dist/a.b+c-1.whl', false], ['** !dist/*.whl', 'dist/a.b+c-1.whl', false], ['', 'any/path/there', false],
  ];
  for (const [rules, path, ignored] of table) assert.equal(openIgnore(parseIgnore(rules.replaceAll(' ', '\n'), 'f')).isIgnored(path), ignored, `${rules}: ${path}`);
});

test('patternmatcher: kinds of patterns', () => {
  const table: readonly (readonly [pattern: string, kind: string])[] = [
    ['*', 'steps'], ['file*', 'steps'], ['*file', 'steps'], ['a*/b', 'steps'], ['**', 'suffix'], ['**/**', 'steps'], ['dir/**', 'prefix'], ['**/dir', 'suffix'], ['**/dir2/*', 'steps'], ['**/dir2/**', 'steps'], ['**file', 'suffix'], ['**/file*txt', 'steps'],
    ['**/**/*.txt', 'steps'], ['a[b-d]e', 'steps'], ['.*', 'steps'], ['abc.def', 'exact'], ['abc?def', 'steps'], ['**/foo/bar', 'suffix'], ['a(b)c/def', 'exact'], ['a.|)$(}+{bc', 'exact'], ['a|b*', 'regexp'], ['[*]', 'regexp'],
  ];
  for (const [pattern, kind] of table) assert.equal(compileIgnorePattern(pattern).kind, kind, pattern);
});

test('ignorefile: comments, blanks, absolute paths and lone exclamation marks', () => {
  const { rules } = parseIgnore('test1\n/test2\n/a/file/here\n\nlastfile\n# this is a comment\n! /inverted/abs/path\n', 'f');
  assert.deepEqual(rules.map(({ isException, pattern }) => [isException, pattern]), [
    [false, { kind: 'exact', path: 'test1' }], [false, { kind: 'exact', path: 'test2' }], [false, { kind: 'exact', path: 'a/file/here' }], [false, { kind: 'exact', path: 'lastfile' }], [true, { kind: 'exact', path: 'inverted/abs/path' }],
  ]);
  for (const text of ['!', '! ']) assert.throws(() => parseIgnore(text, 'f'), { code: 'IGNORE_INVALID' });
});

test('characters that patternmatcher does not escape are operators of the regular expression, beside a wildcard', () => check([
  ['a|b*', '=a', '=axx', '=xbx', '-x', '/xb/y'], ['?*|', '=a', '=|', '=a/b'], ['[a-z]|', '=a', '=1', '=|'], ['x{2}*', '=xx', '=xxy', '-x{2}', '-x'], ['a{1,2}?', '=ab', '=aab', '-aaab'], ['{a,b}*', '={a,b}', '={a,b}c', '-a', '-b'],
  ['*.{js,ts}', '=a.{js,ts}', '-a.js'], ['a{,2}*', '=a{,2}', '-aa'], ['{{name}}/*', '={{name}}/a', '-name/a'], ['^a*', '=ab', '-^ab', '-xa'], ['a^b*', '-a^b', '-ab'], ['a^b', '=a^b'],
]));

test('wildcards within a class are rewritten like all others', () => check([
  ['[*]', '-*', '-a]', '=^]', '=/]', '-[x]'], ['[?]', '-?', '=[]', '=^]', '-a]'], ['[^*]', '=a]', '-[]', '=ab]'], ['[[:digit:]]*', '=5a', '-d', '-:]', '-[a'], ['[[:^alpha:]]', '=5', '-a'],
]));

test('a letter behind a backslash means what it means in a regular expression', () => check([
  ['a\\d*', '=a5x', '-ad', '-adx'], ['bin\\Debug', '=binDebug', '-bin\\Debug', '=binxebug', '-bin5ebug'], ['a\\b/*', '=a/x', '-ab/x'], ['\\x41*', '=Ab', '-x41'], ['\\Qa*', '=a[^/]*$', '-ab'], ['\\101', '=A'], ['\\141*', '=ab', '-141'],
  ['\\p{Lu}', '=É', '-é'], ['\\PL*', '=1a', '-a'], ['[\\d]x', '=5x', '-dx'], ['*\\z', '=a'], ['\\w\\s\\W', '=a -', '-w s'], ['a\\Sx', '=abx', '=aSx', '-a x'], ['\\A*', '=a', '=A'], ['\\a*', '=\x07', '-a'],
]));

test('what is no regular expression is refused', () => {
  const wrong = [
    '[b-a]', '[Local-Only]', '\\e*', '\\é', 'a\\e', '[[:x:]]', '\\8*', '\\1*', '\\C*', '*{2}', 'x{2}{3}*', 'x{3,2}*', 'x{1001}*', '\\p{Nope}', '\\pX', '|{2}*', '\\x4', '\\x{110000}', '\\Z*', '[a-*]', '[\\e]', '[\\w-]', '\\p{L*', `${'x{1000}'.repeat(11)}*`,
  ];
  for (const pattern of wrong) assert.throws(() => parseIgnore(pattern, 'f'), { code: 'IGNORE_INVALID' }, pattern);
});

test('no expression makes matching slow', () => {
  const long = 'a'.repeat(2000);
  for (const pattern of [`|${'a*'.repeat(30)}b`, `${'**/'.repeat(30)}b{2}`, `${'[a?]'.repeat(50)}`, `${'a{0,100}'.repeat(6)}b*`]) {
    const spent = executedBlocks(() => assert.equal(verdictOf(pattern, `${long}/${long}`), pattern.startsWith('|') ? '=' : '-', pattern));
    assert.ok(spent < 50_000_000, `${pattern}: ${spent} blocks`);
  }
});

test('known difference: a rule counts for what is below a directory also where an earlier one had decided about the directory', () => {
  // BuildKit's walk (fsutil with MatchesUsingParentResults) does not evaluate a rule that changes nothing for the directory
  // and then forgets it for what is below. So it ignores logs/a.log and keeps d/x here, against its documentation ("the last
  // line that matches determines") and against MatchesOrParentMatches, which it is meant to equal.
  const isIgnored = (text: string, path: string): boolean => openIgnore(parseIgnore(text, 'f')).isIgnored(path);
  assert.equal(isIgnored('**/*.log\n!logs', 'logs/a.log'), false);
  assert.equal(isIgnored('d\n!d/x\nd', 'd/x'), true);
});

test('known difference: a mistake is refused wherever it stands', () => {
  // Go's filepath.Match looks no further than the text "." of patternmatcher's check takes it.
  assert.throws(() => parseIgnore('src/*\\', 'f'), { code: 'IGNORE_INVALID' });
});
