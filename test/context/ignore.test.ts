/** `.dockerignore` as moby/patternmatcher reads it: SEMANTICS A6, 107 to 113. */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { TsbuildError } from '../../src/base/errors.ts';
import { isIgnored, openIgnore, parseExcludes, parseIgnore } from '../../src/context/ignore.ts';
import { compileGoPattern, compileIgnorePattern, hasWildcards } from '../../src/context/pattern.ts';
import { walkTree } from '../../src/context/tree.ts';
import { readerOf, treeOf } from './support.ts';

/** Whether the rules, separated by blanks, ignore the path. */
function check(table: readonly (readonly [rules: string, ignored: string, kept?: string])[]): void {
  for (const [rules, ignored, kept = ''] of table) {
    const ignore = parseIgnore(rules.split(' ').join('\n'), '.dockerignore');
    for (const path of ignored.split(' ').filter(Boolean)) assert.ok(isIgnored(ignore, path), `${rules} ignores ${path}`);
    for (const path of kept.split(' ').filter(Boolean)) assert.ok(!isIgnored(ignore, path), `${rules} does not ignore ${path}`);
  }
}

test('A6 109: lines are trimmed and cleaned, # is a comment in the first column only', () => {
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

test('A6 110: patterns are anchored, * and ? stop at /, ** spans directories', () => check([
  ['foo', 'foo foo/x', 'a/foo xfoo foox'], ['**/foo', 'foo a/foo a/b/foo foo/x a/foo/x', 'afoo a/bfoo'], ['*', 'a a/b .a'], ['*/b', 'a/b a/b/c', 'b a/x/b'], ['a?c', 'abc a😀c', 'a/c ac abbc'],
  ['a/**', 'a/b a/b/c', 'a b/a'], ['a**', 'a ab a/b abc/d', 'b'], ['a/**/b', 'a/b a/x/b a/x/y/b', 'a/xb b'], ['**/*.txt', 'a.txt x/y/a.txt', 'txt a.txtx'], ['**', 'a a/b'], ['**/', 'a a/b'], ['**/**', 'a a/b'],
  ['**/a/**', 'a/b x/a/b', 'a x/a b/c'], ['*.md', 'a.md .md', 'x/a.md'], ['a*b*c', 'abc axbxc', 'a/b/c ab'], ['a**/*.txt', 'a/x.txt a/b/x.txt', 'b/x.txt'],
]));

test('A6 110: ** before plain text means ends in, as in patternmatcher', () => check([
  ['**.log', 'a.log x/a.log .log', 'a.logs'], ['**file', 'file xfile a/xfile'], ['a**.log', 'a.log', 'ab.log'], ['a**.log', 'ax/.log'], ['**.l?g', '.log x/.log', 'a.log'],
]));

test('A6 110: classes and escapes', () => check([
  ['a[b-d]e', 'abe ace', 'ae aae'], ['a[^b-d]e', 'aze', 'ace'], ['[[]a]', '[a]'], ['a\\*b', 'a*b', 'axb'], ['\\[a', '[a'], ['a\\\\b', 'a\\b'], ['[\\]]', ']'], ['[a-c\\-]', 'b -', 'd'], ['[é-ü]', 'ö', 'z'], ['[😀-😂]', '😁', '😃'],
  ['a.b', 'a.b', 'axb'], ['a(b)c', 'a(b)c'], ['a.|)$(}+{bc', 'a.|)$(}+{bc'], ['a]', 'a]'], ['[z-a]', '', 'z a m'], ['[^z-a]', 'z'],
]));

test('A6 111: the last matching line wins, and a parent counts for its children', () => {
  check([
    ['*.md !README.md', 'a.md', 'README.md'], ['*.md !README*.md README-secret.md', 'a.md README-secret.md', 'README.md README-x.md'], ['!a.md *.md', 'a.md'],
    ['docs !docs/README.md', 'docs docs/a', 'docs/README.md'], ['docs/ !docs/a', 'docs/b', 'docs/a docs/a/b'], ['* !a/b', 'a a/c b', 'a/b a/b/c'], ['** !util/web util/web/foo', 'util/web/foo', 'util/web/bar'],
    ['a/b !a', '', 'a a/b a/b/c'], ['!a a/b', 'a/b a/b/c', 'a'], ['a !a !!a', '', 'a !a'], ['a !/a', '', 'a'],
  ]);
});

test('A6 111: a lone ! and a wrong pattern are refused at their line', () => {
  const table: readonly (readonly [text: string, line: number])[] = [['a\n!', 2], ['! ', 1], ['a\n\n[', 3], ['[]a]', 1], ['[-]', 1], ['[x-]', 1], ['[a-b-c]', 1], ['a[', 1], ['[^', 1], ['a\\', 1], ['!a[', 1], ['[a\\', 1]];
  for (const [text, line] of table) {
    assert.throws(() => parseIgnore(text, 'a/.dockerignore'), (error) => {
      assert.ok(error instanceof TsbuildError, text);
      assert.deepEqual([error.code, error.errorClass, error.position], ['IGNORE_INVALID', 'usage', { file: 'a/.dockerignore', startLine: line, endLine: line }], text);
      return true;
    }, text);
  }
});

test('A6 111: only directories that a ! rule could reach are walked', () => {
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
  assert.deepEqual([...walkTree({ ...tree, list: (path) => new Map(read(path).map((entry) => [entry.name, entry])), ignore: openIgnore(parseIgnore('!src\nnode_modules', 'f')) }, '')].map(({ path }) => path), ['src', 'src/b', 'src/a']);
  assert.equal(counts.has('node_modules'), false);
});

test('parseExcludes takes patterns as they are: # is no comment, and errors have no place of their own', () => {
  const excludes = openIgnore(parseExcludes(['#a', ' b ', '', '!c']));
  assert.deepEqual(['#a', 'b', 'c'].map((text) => excludes.isIgnored(text)), [true, true, false]);
  assert.throws(() => parseExcludes(['[']), (error) => error instanceof TsbuildError && error.code === 'PATTERN_INVALID' && error.position === undefined);
});

/** A pattern's meaning in the plainest words: all ways to split the path. For patterns without classes and escapes. */
function naiveMatch(pattern: string, path: string): boolean {
  const isSuffix = /^\*\*[^/*?][^*?]*$/.test(pattern);
  return isSuffix ? path.endsWith(pattern.slice(2)) : naiveRest(pattern, path);
}

function naiveRest(pattern: string, path: string): boolean {
  const [first = '', second, third] = pattern;
  const some = (rest: string, fits: (taken: string) => boolean): boolean =>
    Array.from({ length: path.length + 1 }, (_, at) => at).some((at) => fits(path.slice(0, at)) && naiveRest(rest, path.slice(at)));
  if (pattern === '') return path === '';
  if (first === '*' && second === '*') {
    const rest = pattern.slice(third === '/' ? 3 : 2);
    return rest === '' || some(rest, (taken) => taken === '' || taken.endsWith('/'));
  }
  if (first === '*') return some(pattern.slice(1), (taken) => !taken.includes('/'));
  const fits = first === '?' ? path !== '' && !path.startsWith('/') : path.startsWith(first);
  return fits && naiveRest(pattern.slice(1), path.slice(1));
}

const name = fc.stringMatching(/^[ab]{1,2}$/);
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
const part = fc.oneof(name, fc.constantFrom('*', '**', '?', 'a*', '*b', 'a**', '**b', 'a*b', '?b', '***'));
const pattern = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));

test('property: a pattern matches what it matches in the plainest words', () => {
  fc.assert(fc.property(pattern, path, (given, text) => {
    assert.equal(compileIgnorePattern(given).matches(text), naiveMatch(given, text));
  }), { numRuns: 5000 });
});

test('property: a list of rules is the last one that matches the path or a parent', () => {
  const rules = fc.array(fc.tuple(fc.boolean(), pattern), { maxLength: 6 });
  fc.assert(fc.property(rules, path, (list, text) => {
    const parents = text.split('/').map((_, index, names) => names.slice(0, index + 1).join('/'));
    const last = list.findLast(([, given]) => parents.some((parent) => naiveMatch(given, parent)));
    const ignore = parseIgnore(list.map(([isException, given]) => `${isException ? '!' : ''}${given}`).join('\n'), 'f');
    assert.equal(isIgnored(ignore, text), last?.[0] === false);
  }), { numRuns: 3000 });
});

test('property: walking finds exactly the files that are not ignored, whatever the rules', () => {
  const rules = fc.array(fc.tuple(fc.boolean(), pattern).map(([isException, given]) => `${isException ? '!' : ''}${given}`), { maxLength: 6 });
  const files = fc.array(path.map((text) => `${text}/f`), { minLength: 1, maxLength: 8 });
  fc.assert(fc.property(files, rules, (list, ignore) => {
    const tree = treeOf(list, ignore);
    const walked = [...walkTree(tree, '')];
    const expected = [...new Set(list)].filter((file) => !isIgnored(parseIgnore(ignore.join('\n'), 'f'), file)).sort();
    assert.deepEqual(walked.filter(({ entry }) => entry.type === 'file').map((child) => child.path).sort(), expected);
    const seen = new Set<string>();
    for (const child of walked) {
      const at = child.path.lastIndexOf('/');
      assert.ok(at < 0 || seen.has(child.path.slice(0, at)), `${child.path} comes behind its directory`);
      seen.add(child.path);
    }
  }), { numRuns: 1000 });
});

test('property: a directory that holds a match is reached', () => {
  fc.assert(fc.property(pattern, path, path, (given, directory, below) => {
    if (compileIgnorePattern(given).matches(`${directory}/${below}`)) assert.ok(compileIgnorePattern(given).reaches(directory));
  }), { numRuns: 5000 });
});

test('A6 56: COPY sources match as Go filepath.Match does', () => {
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

/** Milliseconds of CPU: other work on the machine does not count. */
function cpuMs(action: () => void): number {
  const start = process.cpuUsage();
  action();
  const { user } = process.cpuUsage(start);
  return user / 1000;
}

test('no pattern makes matching slow', () => {
  const long = 'a'.repeat(255);
  const deep = Array.from({ length: 60 }, () => 'aaa').join('/');
  const table: readonly (readonly [pattern: string, path: string])[] = [
    [`${'a*'.repeat(30)}b`, long], [`${'*a'.repeat(100)}b`, long], [`${'**/a*'.repeat(30)}b`, deep], [`${'**/'.repeat(80)}b`, deep], [`${'a**'.repeat(60)}b`, deep], [`${'[a-z]*'.repeat(40)}1`, long], [`${'*?'.repeat(60)}b`, long],
  ];
  for (const [given, text] of table) {
    const spent = cpuMs(() => {
      assert.equal(compileIgnorePattern(given).matches(text), false);
      assert.equal(compileGoPattern(given).matches(text), false);
      compileIgnorePattern(given).reaches(text);
    });
    assert.ok(spent < 250, `${given.slice(0, 20)}… took ${spent} ms`);
  }
});

test('50 rules over 20,000 files cost microseconds each, and so does asking what a ! rule reaches', () => {
  const rules = Array.from({ length: 25 }, (_, index) => [`**/skip${index}`, `!packages/*/keep${index}/**/x`]).flat();
  const files = Array.from({ length: 20_000 }, (_, index) => `packages/p${index % 40}/src/part${index % 100}/file${index}.ts`);
  const tree = treeOf(files, ['node_modules', ...rules]);
  let count = 0;
  const spent = cpuMs(() => {
    for (const { entry } of walkTree(tree, '')) count += entry.type === 'file' ? 1 : 0;
  });
  assert.equal(count, 20_000);
  assert.ok(spent < 2000, `${spent} ms`);
  const open = openIgnore(parseIgnore(`*\n${rules.join('\n')}`, 'f'));
  const asked = cpuMs(() => {
    for (let round = 0; round < 5000; round++) open.mayHoldExceptions(`packages/p/none${round}/a/b/c`);
  });
  assert.ok(asked < 2000, `${asked} ms`);
});
