import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { TsbuildError } from '../../src/base/errors.ts';
import { expandHeredoc, expandWord, expandWords, expansionSizeMax, nestingMax, type ExpandOptions } from '../../src/dockerfile/words.ts';
import { assertProperty } from '../support/property.ts';

const variables = new Map([
  ['A', 'hello'], ['EMPTY', ''], ['SP', 'a b'], ['PATHS', '/usr/lib/x.tar.gz'], ['É', 'accent'], ['_x1', 'under'], ['1', 'one'],
  ['LINES', 'a1\nb2'], ['STAR', 'a*b?c'], ['REP', 'abcabc'], ['DOLLAR', 'cost $5'],
]);
const options: ExpandOptions = { lookup: (name) => variables.get(name), escape: '\\' };

/** The expansion, or `!CODE` where it is refused. */
function expand(word: string, more: Partial<ExpandOptions> = {}): string {
  try {
    return expandWord(word, { ...options, ...more }).text;
  } catch (error) {
    assert.ok(error instanceof TsbuildError, String(error));
    assert.equal(error.errorClass, 'usage');
    return `!${error.code}`;
  }
}

function check(table: readonly (readonly [word: string, expected: string])[], more: Partial<ExpandOptions> = {}): void {
  for (const [word, expected] of table) assert.equal(expand(word, more), expected, word);
}

test('expandWord removes quotes and escapes', () => check([
  ['', ''], ['plain', 'plain'], ['a b', 'a b'], ['"a b"', 'a b'], ["'a b'", 'a b'], ['a"b"c\'d\'', 'abcd'], ['""', ''],
  ['\\a', 'a'], ['\\\\', '\\'], ['a\\', 'a'], ['"a\\"b"', 'a"b'], ['"a\\b"', 'a\\b'], ['"a\\\\b"', 'a\\b'], ["'a\\b'", 'a\\b'],
  ['\\"a', '"a'], ["\\'a", "'a"], ['"a', '!WORD_UNCLOSED'], ["'a", '!WORD_UNCLOSED'], ['"a\\', '!WORD_UNCLOSED'], ['\ufeffa', 'a'],
  ['a<<  b', 'a<<  b'], ['<', '<'], ['\\😀', '😀'],
]));

test('expandWord substitutes names', () => check([
  ['$A', 'hello'], ['${A}', 'hello'], ['x${A}y', 'xhelloy'], ['$Ax', ''], ['$NONE', ''], ['${NONE}', ''], ['$A$A', 'hellohello'],
  ['"$A"', 'hello'], ["'$A'", '$A'], ['\\$A', '$A'], ['"\\$A"', '$A'], ['$', '$'], ['a$', 'a$'], ['$ A', '$ A'], ['"$"', '$'],
  ['$É', 'accent'], ['$_x1', 'under'], ['$1', 'one'], ['$12', ''], ['$1A', 'oneA'], ['$@x', 'x'], ['$$A', 'A'], ['$?', ''], ['$A-b', 'hello-b'],
  ['${__proto__}', ''], ['${constructor:-x}', 'x'], ['${A', '!WORD_UNCLOSED'], ['${', '!WORD_UNCLOSED'], ['${}', '!WORD_SUBSTITUTION'],
  ['${{A}}', '!WORD_SUBSTITUTION'], ['${:x}', '!WORD_SUBSTITUTION'], ['${A B}', '!WORD_MODIFIER'], ['${A^^}', '!WORD_MODIFIER'], ['${A:0:2}', '!WORD_MODIFIER'],
]));

test('expandWord knows the modifiers', () => check([
  ['${A:-d}', 'hello'], ['${A-d}', 'hello'], ['${EMPTY:-d}', 'd'], ['${EMPTY-d}', ''], ['${N:-d}', 'd'], ['${N-d}', 'd'], ['${N:-}', ''], ['${N-}', ''],
  ['${A:+s}', 's'], ['${A+s}', 's'], ['${EMPTY:+s}', ''], ['${EMPTY+s}', 's'], ['${N:+s}', ''], ['${N+s}', ''],
  ['${A:?m}', 'hello'], ['${A?m}', 'hello'], ['${EMPTY:?m}', '!WORD_REQUIRED'], ['${EMPTY?m}', ''], ['${N:?m}', '!WORD_REQUIRED'], ['${N?}', '!WORD_REQUIRED'],
  ['${N:-a b}', 'a b'], ['${N:-"a}b"}', 'a}b'], ['${N:-a\\}b}', 'a}b'], ["${N:-'$A'}", '$A'], ['${N:-$A}', 'hello'], ['${N:-${M:-${A}}}', 'hello'],
  ['"${N:-"x y"}"', 'x y'], ['${N:-:x}', ':x'], ['${A:#h}', '!WORD_MODIFIER'], ['${A:%h}', '!WORD_MODIFIER'], ['${A:=x}', '!WORD_MODIFIER'], ['${A:/a/b}', '!WORD_MODIFIER'],
]));

test('expandWord trims by patterns', () => check([
  ['${PATHS#/*/}', 'lib/x.tar.gz'], ['${PATHS##*/}', 'x.tar.gz'], ['${PATHS%.*}', '/usr/lib/x.tar'], ['${PATHS%%.*}', '/usr/lib/x'],
  ['${A#h}', 'ello'], ['${A#x}', 'hello'], ['${A#*}', 'hello'], ['${A##*}', ''], ['${A%*}', 'hello'], ['${A%%*}', ''], ['${A#?}', 'ello'], ['${A%??}', 'hel'],
  ['${A#}', 'hello'], ['${A##}', 'hello'], ['${N#x}', ''], ['${STAR#a\\*}', 'b?c'], ['${STAR%\\?c}', 'a*b'], ['${A#[h]}', 'hello'], ['${A#h.}', 'hello'],
  ['${A#\\x}', '!WORD_PATTERN'], ['${A%l*}', 'hel'], ['${A%%l*}', 'he'], ['${LINES#*b}', 'a1\nb2'], ['${LINES#a?}', '\nb2'], ['${A#$EMPTY}', 'hello'], ['${A#${N:-he}}', 'llo'],
]));

test('a pattern for the end is read from its end, a last backslash included', () => {
  // BuildKit turns pattern and value around: the backslash then escapes the slash that it stood behind.
  check([['${PATHS%/\\}}', '/usr/lib/x.tar.gz}'], ['${PATHS%z/\\}}', '/usr/lib/x.tar.gz}'], ['${PATHS#/\\}}', '!WORD_PATTERN']], { escape: '`' });
});

test('a variable without value is kept with whatever a shell would do to it', () => check([
  ['${N:0:2}', '${N:0:2}'], ['${N:=x}', '${N:=x}'], ['${N:zz', '!WORD_UNCLOSED'], ['${N^^}', '!WORD_MODIFIER'], ['${N:#x}', '!WORD_MODIFIER'], ['${A:0:2}', '!WORD_MODIFIER'],
], { keepUnset: true }));

test('only blanks, tabs and carriage returns join << to the word behind it', () => {
  const words = (text: string): readonly string[] => expandWords(text, options).words;
  assert.deepEqual(words('a << \t\rb c'), ['a', '<< \t\rb', 'c']);
  for (const blank of ['\v', '\f', '\n', '\u0085', '\u00a0', '\u2003']) assert.deepEqual(words(`<<${blank}b`), ['<<', 'b'], JSON.stringify(blank));
});

test('expandWord replaces by patterns', () => check([
  ['${REP/b/x}', 'axcabc'], ['${REP//b/x}', 'axcaxc'], ['${REP/b/}', 'acabc'], ['${REP//b*/x}', 'ax'], ['${REP/z/x}', 'abcabc'], ['${REP//?/x}', 'xxxxxx'],
  ['${REP/b/$A}', 'ahellocabc'], ['${PATHS/\\/usr/x}', 'x/lib/x.tar.gz'], ['${PATHS//\\//-}', '-usr-lib-x.tar.gz'], ['${N/a/b}', ''], ['${REP//*/x}', 'x'], ['${EMPTY//*/x}', 'x'],
  ['${REP///x}', 'xaxbxcxaxbxcx'], ['${REP//b/${DOLLAR}}', 'acost cacost c'], ['${REP/b/${DOLLAR}}', 'acost $5cabc'], ['${REP/b}', '!WORD_UNCLOSED'], ['${REP/b/x', '!WORD_UNCLOSED'],
  ['${REP/b*/x}', 'ax'], ['${REP//c/[$0]}', 'ab[]ab[]'],
]));

test('expandWord honours the escape character of the file', () => check([
  ['`$A', '$A'], ['C:\\$A', 'C:\\hello'], ['``', '`'], ['"a`"b"', 'a"b'], ['a\\', 'a\\'],
], { escape: '`' }));

test('expandWord keeps what is unset where asked', () => check([
  ['$N', '$N'], ['${N}', '${N}'], ['${N:-$A}', '${N:-hello}'], ['${N:?x}', '${N:?x}'], ['${N/a/b}', '${N/a/b}'], ['$A', 'hello'],
], { keepUnset: true }));

test('expandWord names what was set and what was not', () => {
  const { used, unset } = expandWord('$A ${N:-$M} $A ${EMPTY}', options);
  assert.deepEqual({ used, unset }, { used: ['A', 'EMPTY'], unset: ['M', 'N'] });
});

test('expandWords splits outside quotes, also inside values', () => {
  const split = (word: string): readonly string[] => expandWords(word, options).words;
  assert.deepEqual(split('a  b'), ['a', 'b']);
  assert.deepEqual(split('"a b" c'), ['a b', 'c']);
  assert.deepEqual(split('$SP x'), ['a', 'b', 'x']);
  assert.deepEqual(split('"$SP"x'), ['a bx']);
  assert.deepEqual(split('1$SP'), ['1a', 'b']);
  assert.deepEqual(split('80${N:-80}'), ['8080']);
  assert.deepEqual(split('a\\ b'), ['a b']);
  assert.deepEqual(split('"" $EMPTY'), []);
  assert.deepEqual(split('a<< b c'), ['a<< b', 'c']);
});

test('expandHeredoc takes quotes literally', () => {
  const expandBody = (body: string): string => expandHeredoc(body, { lookup: options.lookup }).text;
  assert.equal(expandBody('"$A" \'$A\'\n\\$A \\\\ it\'s\n'), '"hello" \'hello\'\n$A \\ it\'s\n');
});

test('expandWord refuses deep nesting, growth and costly patterns', () => {
  const nested = (depth: number): string => '${N:-'.repeat(depth) + 'x' + '}'.repeat(depth);
  check([
    [nested(nestingMax - 1), 'x'], [nested(nestingMax), '!WORD_NESTING'], [nested(100_000), '!WORD_NESTING'], ['"${N:-'.repeat(100_000), '!WORD_NESTING'],
  ]);
  const big = 'x'.repeat(expansionSizeMax / 2);
  const lookup = (): string => big;
  check([['$a', big], ['$a$a$a', '!WORD_TOO_LARGE'], ['${a//x/$a}', '!WORD_TOO_LARGE'], [`\${a#${'*x'.repeat(500)}y}`, '!WORD_PATTERN_COST']], { lookup });
});

/** Go ignores an empty match that touches the match before it; JavaScript does not. */
function replaceAllLikeGo(value: string, pattern: RegExp): string {
  let previousEnd = -1;
  return value.replace(pattern, (match, offset: number) => {
    const isIgnored = match === '' && offset === previousEnd;
    previousEnd = offset + match.length;
    return isIgnored ? '' : '-';
  });
}

test('patterns agree with regular expressions', () => {
  const letter = fc.constantFrom('a', 'b', '\n', 'é');
  const text = fc.array(letter, { maxLength: 8 }).map((chars) => chars.join(''));
  const pattern = fc.array(fc.constantFrom('a', 'b', '*', '?'), { maxLength: 5 }).map((chars) => chars.join(''));
  assertProperty(fc.property(text, pattern, (value, glob) => {
    const source = (star: string): string => [...glob].map((char) => (char === '*' ? star : char === '?' ? '[^\\n]' : char)).join('');
    const word = (body: string): string => expand(body, { lookup: () => value });
    assert.equal(word(`\${x#${glob}}`), value.replace(new RegExp(`^${source('[^\\n]*?')}`, 'u'), ''));
    assert.equal(word(`\${x##${glob}}`), value.replace(new RegExp(`^${source('[^\\n]*')}`, 'u'), ''));
    // An empty pattern would make the slash after it the sign for "all".
    if (glob !== '') assert.equal(word(`\${x/${glob}/-}`), value.replace(new RegExp(source('[^\\n]*'), 'u'), '-'));
    if (glob !== '') assert.equal(word(`\${x//${glob}/-}`), replaceAllLikeGo(value, new RegExp(source('[^\\n]*'), 'gu')));
  }), { numRuns: 500 });
});

test('expandWord throws nothing but TsbuildError', () => {
  const part = fc.oneof(fc.constantFrom('$', '{', '}', '"', "'", '\\', '`', '/', '#', '%', ':', '-', '+', '?', '*', '<', ' ', 'A', 'N', 'SP', '${', '${N:-'), fc.string({ maxLength: 2 }));
  assertProperty(fc.property(fc.array(part, { maxLength: 30 }), fc.constantFrom('\\', '`'), (parts, escape) => {
    expand(parts.join(''), { escape });
    expand(parts.join(''), { escape, keepUnset: true });
  }), { numRuns: 2000 });
});
