/** What a COPY source means in a context: SEMANTICS A6, 52 to 57, 68, 112 and 113. */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseIgnore } from '../../src/context/ignore.ts';
import { TsbuildError } from '../../src/base/errors.ts';
import { comparePaths, decodePath } from '../../src/base/path-bytes.ts';
import { selectSources } from '../../src/context/select.ts';
import { openContextTree } from '../../src/context/tree.ts';
import { assertProperty } from '../support/property.ts';
import { readerOf, treeOf } from './support.ts';

const files = [
  'a.txt', 'b.txt', '.hidden', 'sub/one.go', 'sub/two.go', 'sub/deep/three.go', 'empty/', 'sock=', 'pipe|', 'other/one.go',
  'link -> a.txt', 'absolute -> /sub', 'out -> ../../../sub/one.go', 'up/link -> ../b.txt', 'sub/back -> deep', 'loop1 -> loop2', 'loop2 -> loop1', 'dangling -> nowhere', 'through -> absolute/deep/../two.go', 'self -> .', 'tofile -> a.txt/x',
];

interface Options {
  readonly ignore?: readonly string[];
  readonly excludes?: readonly string[];
  readonly include?: string;
  readonly files?: readonly string[];
}

/** The matches as text: `name=path` and, for a directory, `{what is below it}`. */
function select(pattern: string, options: Options = {}): readonly string[] {
  const matches = selectSources(treeOf(options.files ?? files, options.ignore), pattern, { excludes: options.excludes ?? [], ...(options.include === undefined ? {} : { include: options.include }) });
  return matches.map(({ name, path, entry, children }) => {
    const below = entry === null || entry.type === 'directory' ? `{${children.map((child) => (child.isImplied === true ? `(${child.path})` : child.path)).join(' ')}}` : '';
    return `${name}=${path}${below}`;
  });
}

function check(table: readonly (readonly [pattern: string, expected: readonly string[], options?: Options])[]): void {
  for (const [pattern, expected, options] of table) assert.deepEqual(select(pattern, options), expected, pattern);
}

function refused(pattern: string, code: string, options: Options = {}): TsbuildError {
  try {
    select(pattern, options);
  } catch (error) {
    assert.ok(error instanceof TsbuildError, String(error));
    assert.deepEqual([error.code, error.errorClass], [code, 'usage'], error.message);
    return error;
  }
  return assert.fail(`${pattern} is not refused`);
}

test('A6.52 a directory means what is below it, in the order of its bytes', () => check([
  ['/sub', ['sub=sub{back deep deep/three.go one.go two.go}']],
  ['sub/deep/', ['deep=sub/deep{three.go}']],
  ['/empty', ['empty=empty{}']],
  ['/a.txt', ['a.txt=a.txt']],
  ['/', ['={a.txt}'], { files: ['a.txt'] }],
  ['/', ['={}'], { files: [] }],
]));

test('A6.56 wildcards are matched name by name, and may match nothing', () => check([
  ['/*.txt', ['a.txt=a.txt', 'b.txt=b.txt']],
  ['/s*', ['sub=sub{back deep deep/three.go one.go two.go}'], { files: files.filter((file) => file !== 'sock=' && !file.startsWith('self')) }],
  ['/*/one.go', ['one.go=other/one.go', 'one.go=sub/one.go'], { files: ['other/one.go', 'sub/one.go', 'sub/x/one.go', 'one.go'] }],
  ['/none*', []], ['/*/none', []], ['/a.txt/*', []], ['/[!x]', []], ['/sub/d[e]ep', ['deep=sub/deep{three.go}']],
  ['/sub/*.go', ['one.go=sub/one.go', 'two.go=sub/two.go']],
  ['/.h*', ['.hidden=.hidden']],
  ['/?.txt', ['a.txt=a.txt', 'b.txt=b.txt']],
  ['/[[]x', ['[x=[x'], { files: ['[x', 'x'] }],
  ['/\\*x', ['*x=*x'], { files: ['*x', 'ax'] }],
  ['/**', ['a=a{b b/c}'], { files: ['a/b/c'] }],
]));

test('A6.56 a plain path that is not there is an error', () => {
  for (const path of ['/none', '/sub/none', '/a.txt/x', '/none/../a.txt']) {
    assert.match(refused(path, 'SOURCE_NOT_FOUND').hint ?? '', /context directory/);
  }
  assert.deepEqual(refused('/none', 'SOURCE_NOT_FOUND').details, { path: 'none' });
  refused('/[', 'PATTERN_INVALID');
});

test('A6.55 .. is clamped to the root of the context', () => check([
  ['../../a.txt', ['a.txt=a.txt']], ['/sub/../a.txt', ['a.txt=a.txt']], ['/sub/deep/../../../../b.txt', ['b.txt=b.txt']], ['/./sub/./one.go', ['one.go=sub/one.go']],
]));

test('A6.57 links that are asked for are followed inside the context', () => check([
  ['/link', ['link=a.txt']], ['/absolute', ['absolute=sub{back deep deep/three.go one.go two.go}']], ['/absolute/one.go', ['one.go=sub/one.go']], ['/out', ['out=sub/one.go']],
  ['/up/link', ['link=b.txt']], ['/sub/back/three.go', ['three.go=sub/deep/three.go']], ['/through', ['through=sub/two.go']], ['/self/self/self/a.txt', ['a.txt=a.txt']],
  ['/absolute/back/../one.go', ['one.go=sub/one.go']],
  ['/l?nk', ['link=a.txt']], ['/absolute/o*', ['one.go=sub/one.go']], ['/up/*', ['link=b.txt']], ['/abs*/one.go', []],
]));

test('A6.57 links inside a directory are kept', () => {
  const [match] = selectSources(treeOf(files), '/sub', { excludes: [] });
  assert.deepEqual(match?.children.map(({ path, entry }) => [path, entry.type, entry.linkTarget])[0], ['back', 'symlink', 'deep']);
});

test('A6.57 a link that leads nowhere, or in a circle, is an error', () => {
  refused('/loop1', 'SOURCE_SYMLINK_LOOP');
  refused('/loop*', 'SOURCE_SYMLINK_LOOP');
  refused('/dangling', 'SOURCE_NOT_FOUND');
  refused('/dang*', 'SOURCE_NOT_FOUND');
  refused('/up/d*', 'SOURCE_NOT_FOUND', { files: ['up/d -> x'] });
  refused('/tofile', 'SOURCE_NOT_FOUND');
  check([['/dang*/x', []], ['/d*', [], { files: ['d -> x'], ignore: ['d'] }]]);
  const chain = Array.from({ length: 45 }, (_, index) => `l${index} -> l${index + 1}`);
  refused('/l0', 'SOURCE_SYMLINK_LOOP', { files: [...chain, 'l45'] });
  check([['/l10', ['l10=l45'], { files: [...chain, 'l45'] }]]);
});

test('A6.113 what is ignored is not found, and the error names the rule', () => {
  const ignore = ['*.txt', '!b.txt', 'sub/deep', '', 'other'];
  for (const [path, hint] of [['/a.txt', /\.dockerignore:1 \(\*\.txt\)/], ['/sub/deep/three.go', /:3 \(sub\/deep\)/], ['/sub/deep', /:3/], ['/other/one.go', /:5/]] as const) {
    assert.match(refused(path, 'SOURCE_NOT_FOUND', { ignore }).hint ?? '', hint);
  }
  refused('/link', 'SOURCE_NOT_FOUND', { ignore });
  refused('/link', 'SOURCE_NOT_FOUND', { ignore: ['link'] });
  check([
    ['/b.txt', ['b.txt=b.txt'], { ignore }], ['/*.txt', ['b.txt=b.txt'], { ignore }], ['/sub', ['sub=sub{back one.go two.go}'], { ignore }], ['/oth*', [], { ignore }],
    ['/', ['={}'], { ignore: ['*'] }], ['/', ['={sub sub/deep sub/deep/three.go}'], { ignore: ['*', '!sub/deep/three.go'] }],
    ['/sub/deep', ['deep=sub/deep{three.go}'], { ignore: ['*', '!sub/deep/three.go'] }],
  ]);
  refused('/sub/deep', 'SOURCE_NOT_FOUND', { ignore: ['*', '!sub/deep/none'] });
});

test('A6.112 COPY does not see a Dockerfile that is ignored', () => {
  refused('/Dockerfile', 'SOURCE_NOT_FOUND', { files: ['Dockerfile', '.dockerignore'], ignore: ['Dockerfile', '.dockerignore'] });
});

test('A1.24 --exclude is relative to the source', () => check([
  ['/sub', ['sub=sub{back deep deep/three.go}'], { excludes: ['*.go'] }],
  ['/sub', ['sub=sub{back deep}'], { excludes: ['**/*.go'] }],
  ['/sub', ['sub=sub{back one.go two.go}'], { excludes: ['deep'] }],
  ['/sub', ['sub=sub{back deep deep/three.go one.go two.go}'], { excludes: ['sub', '/sub/deep'] }],
  ['/sub', ['sub=sub{back deep deep/three.go one.go}'], { excludes: ['**/*.go', '!**/three.go', '!one.go'] }],
  ['/sub', ['sub=sub{(deep) deep/three.go}'], { excludes: ['*', '!deep/three.go'] }],
  ['/*.txt', ['b.txt=b.txt'], { excludes: ['a.*'] }],
  ['/a.txt', [], { excludes: ['a.txt'] }],
  ['/d', ['d=d{}'], { files: ['d/#x'], excludes: ['#x'] }],
]));

test('A6.68 sockets are selected like files', () => check([
  ['/sock', ['sock=sock']], ['/so*', ['sock=sock']], ['/d', ['d=d{f p s}'], { files: ['d/s=', 'd/f', 'd/p|'] }],
]));

test('names that are not UTF-8 are names, and sort by their bytes', () => {
  const bytes = [[0xff], [0x80, 0x61], [0xc3, 0xa9], [0xed, 0xa0, 0x80], [0x7a], [0xf0, 0x9f, 0x98, 0x80], [0xef, 0xbf, 0xbd]];
  const names = bytes.map((name) => decodePath(Uint8Array.from(name)));
  const [match] = selectSources(treeOf(names.map((name) => `d/${name}`)), '/d', { excludes: [] });
  assert.deepEqual(match?.children.map(({ path }) => path), ['z', '\udc80a', 'é', '\udced\udca0\udc80', '\ufffd', '😀', '\udcff']);
  check([['/d/?', [`\udcff=d/\udcff`], { files: ['d/\udcff', 'd/\udc80a'] }], [`/d/\udcff`, [`\udcff=d/\udcff`], { files: ['d/\udcff'] }]]);
});

test('names of objects are names of files', () => {
  const given = ['__proto__/constructor', 'toString', 'hasOwnProperty'];
  check([['/', ['={__proto__ __proto__/constructor hasOwnProperty toString}'], { files: given }], ['/__proto__', ['__proto__=__proto__{constructor}'], { files: given }]]);
  refused('/constructor', 'SOURCE_NOT_FOUND', { files: given });
});

test('a directory is read once, and one that nobody asks for is not read', () => {
  const { read, counts } = readerOf(['a/b/c', 'x/y']);
  const tree = openContextTree('/context', parseIgnore('', 'f'), read);
  for (let round = 0; round < 3; round++) selectSources(tree, '/a/b', { excludes: [] });
  assert.deepEqual([...counts], [['', 1], ['a', 1], ['a/b', 1]]);
});

test('property: whatever the links, a source stays inside and ends', () => {
  const name = fc.constantFrom('a', 'b', 'c');
  const target = fc.array(fc.constantFrom('a', 'b', 'c', '..', '.', ''), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')).filter((text) => text !== '');
  const line = fc.oneof(
    fc.tuple(fc.array(name, { minLength: 1, maxLength: 3 }), target).map(([path, to]) => `${path.join('/')}_ -> ${to}_`.replaceAll('._', '.')),
    fc.array(name, { minLength: 1, maxLength: 3 }).map((path) => path.join('/')),
  );
  const pattern = fc.array(fc.constantFrom('a', 'b_', 'c_', '*', '..'), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
  assertProperty(fc.property(fc.uniqueArray(line, { maxLength: 8 }), pattern, (lines, source) => {
    const directories = new Set(lines.flatMap((text) => text.split(' -> ')[0]?.split('/').map((_, index, all) => all.slice(0, index).join('/')) ?? []));
    const given = lines.filter((text) => !directories.has(text.split(' -> ')[0] ?? ''));
    try {
      for (const match of selectSources(treeOf(given), source, { excludes: [] })) assert.ok(!match.path.split('/').some((part) => part === '..' || part === '.'));
    } catch (error) {
      assert.ok(error instanceof TsbuildError && ['SOURCE_NOT_FOUND', 'SOURCE_SYMLINK_LOOP'].includes(error.code), String(error));
    }
  }), { numRuns: 2000 });
});

test('children come parents first and in the order of their bytes', () => {
  const part = fc.constantFrom('a', 'b', 'a.b', 'é', '\udcff', '😀', 'A');
  assertProperty(fc.property(fc.array(fc.array(part, { minLength: 2, maxLength: 4 }).map((parts) => `${parts.join('/')}/f`), { minLength: 1, maxLength: 8 }), (paths) => {
    const [match] = selectSources(treeOf(paths), '/', { excludes: [] });
    const children = match?.children.map(({ path }) => path) ?? [];
    const bySteps = [...children].sort((a, b) => compareParts(a.split('/'), b.split('/')));
    assert.deepEqual(children, bySteps);
  }), { numRuns: 300 });
});

function compareParts(a: readonly string[], b: readonly string[]): number {
  for (const [index, part] of a.entries()) {
    const other = b[index];
    const order = other === undefined ? 1 : comparePaths(part, other);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

const deep = ['a/b/c/d/foo', 'a/b/c/d/e/bay', 'a/b2/c/d/e/bar', 'a/b/c2/d/e/baz', 'a/b/c2/d/e2/baz', 'a/link -> b', 'f', 'empty/'];

test('A6.66 --parents takes what the pattern means and the directories above it, ** across directories', () => {
  const table: readonly (readonly [pattern: string, include: string, below: string])[] = [
    ['/', 'a/b/c/d', '(a) (a/b) (a/b/c) a/b/c/d a/b/c/d/e a/b/c/d/e/bay a/b/c/d/foo'], ['a/b', 'c/d/foo', '(c) (c/d) c/d/foo'], ['a', '*/c', '(b) b/c b/c/d b/c/d/e b/c/d/e/bay b/c/d/foo (b2) b2/c b2/c/d b2/c/d/e b2/c/d/e/bar'],
    ['/', '**/baz', '(a) (a/b) (a/b/c2) (a/b/c2/d) (a/b/c2/d/e) a/b/c2/d/e/baz (a/b/c2/d/e2) a/b/c2/d/e2/baz'], ['/', '*', 'a a/b a/b/c a/b/c/d a/b/c/d/e a/b/c/d/e/bay a/b/c/d/foo a/b/c2 a/b/c2/d a/b/c2/d/e a/b/c2/d/e/baz a/b/c2/d/e2 a/b/c2/d/e2/baz a/b2 a/b2/c a/b2/c/d a/b2/c/d/e a/b2/c/d/e/bar a/link empty f'],
    ['/', 'none*', ''], ['/', 'a/*/none', ''], ['/', 'empty', 'empty'], ['/', 'a/link', '(a) a/link'], ['a/link', 'c/d/foo', '(c) (c/d) c/d/foo'], ['/', 'a/b*/c/**/ba?', '(a) (a/b) (a/b/c) (a/b/c/d) (a/b/c/d/e) a/b/c/d/e/bay (a/b2) (a/b2/c) (a/b2/c/d) (a/b2/c/d/e) a/b2/c/d/e/bar'],
  ];
  for (const [pattern, include, below] of table) {
    assert.deepEqual(select(pattern, { files: deep, include }).map((line) => line.replace(/^[^{]*/, '')), [`{${below}}`], `${pattern} ${include}`);
  }
  assert.deepEqual(select('a/b*', { files: deep, include: 'c/**/ba?' }), ['b=a/b{(c) (c/d) (c/d/e) c/d/e/bay}', 'b2=a/b2{(c) (c/d) (c/d/e) c/d/e/bar}']);
  assert.deepEqual(select('/', { files: deep, include: 'a/b*/c', excludes: ['**/e', '!**/bay'] }), ['={(a) (a/b) a/b/c a/b/c/d (a/b/c/d/e) a/b/c/d/e/bay a/b/c/d/foo (a/b2) a/b2/c a/b2/c/d}']);
});

test('A6.66 with --parents, a path without wildcards must be there, and leads through no link', () => {
  for (const [pattern, include] of [['/', 'none'], ['/', 'a/none/x'], ['a/b', 'c/x'], ['/', 'f/x'], ['none', '*'], ['f', 'x']] as const) refused(pattern, 'SOURCE_NOT_FOUND', { files: deep, include });
  assert.match(refused('/', 'SOURCE_NOT_FOUND', { files: deep, include: 'a/link/c' }).message, /^a\/link\/c: leads through a symbolic link/);
  assert.match(refused('a', 'SOURCE_NOT_FOUND', { files: deep, include: 'link/c' }).hint ?? '', /a\/b\/c/);
  assert.match(refused('/', 'SOURCE_NOT_FOUND', { files: deep, include: 'a/b/c', ignore: ['a/b'] }).hint ?? '', /\.dockerignore:1 \(a\/b\)/);
  assert.deepEqual(select('/', { files: deep, include: 'a/b/c/d/foo', excludes: ['**/foo'] }), ['={}']);
  assert.deepEqual(select('/', { files: ['!x', 'y*'], include: '!x' }), ['={!x}']);
  assert.deepEqual(select('/', { files: ['y*', 'yz'], include: 'y\\*' }), ['={y*}']);
});

test('directories that cannot hold what --parents asks for, or that --exclude names, are not read', () => {
  const { read, counts } = readerOf(['a/b/c', 'x/y/z', 'q/r/s']);
  const tree = openContextTree('/context', parseIgnore('', '.dockerignore'), read);
  selectSources(tree, '/', { excludes: [], include: 'a/*/c' });
  assert.deepEqual([...counts.keys()].sort(), ['', 'a', 'a/b']);
  selectSources(tree, '/', { excludes: ['q', '!q/none'] });
  assert.deepEqual([...counts.keys()].sort(), ['', 'a', 'a/b', 'q', 'x', 'x/y']);
});
