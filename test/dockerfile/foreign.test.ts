/**
 * Behaviour that BuildKit's tests of its parser, its instructions and its word lexer show, in words of our own. The first
 * column names the test (frontend/dockerfile: parser/*_test.go, instructions/*_test.go, shell/lex_test.go with its tables
 * envVarTest and wordsTest).
 */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import { detectSyntax } from '../../src/dockerfile/directives.ts';
import { readDevice } from '../../src/dockerfile/device.ts';
import { chompContent, findHeredocs, readHeredocWord } from '../../src/dockerfile/heredoc.ts';
import { parseLines } from '../../src/dockerfile/parse-lines.ts';
import { expandWord, expandWords } from '../../src/dockerfile/words.ts';
import { documentsOf, read, refuse, refuseLine, wordsOf } from './semantics-support.ts';

type Variables = Readonly<Record<string, string>>;

function lookupIn(variables: Variables): (name: string) => string | undefined {
  return (name) => (Object.hasOwn(variables, name) ? variables[name] : undefined);
}

/** The word, or null where it is refused; `used` and `unset` where they are of interest. */
function expand(word: string, variables: Variables): { readonly text: string; readonly used: readonly string[]; readonly unset: readonly string[] } | null {
  try {
    return expandWord(word, { lookup: lookupIn(variables), escape: '\\' });
  } catch (error) {
    assert.ok(error instanceof TsbuildError && error.code.startsWith('WORD_'), String(error));
    return null;
  }
}

test('single words (envVarTest)', () => {
  const variables = { PWD: '/home', SHELL: 'bash', KOREAN: '한국어', NULL: '' };
  const rows: readonly (readonly [word: string, expected: string | null])[] = [
    ['hi', 'hi'], ["h'i'", 'hi'], ["h'i", null], ["h\\'i", "h'i"], ["h\\\\'i", null], ['a\\tb', 'atb'], ['"a\\tb"', 'a\\tb'], ['"a\\\\tb"', 'a\\tb'], ["'a\\\\tb'", 'a\\\\tb'],
    ['hi\\', 'hi'], ['hi\\\\', 'hi\\'], ['"hi', null], ['"hi\\"', null], ['"h\'i"', "h'i"], ["'hi\\'", 'hi\\'], ["'h\\i'", 'h\\i'], ['"\'\'"', "''"], ['$.', '$.'], ['$1', ''], ['h$1x', 'hx'],
    ['h$.x', 'h$.x'], ['h$pwd.', 'h.'], ['h$PWD', 'h/home'], ['h\\$PWD', 'h$PWD'], ['h\\\\$PWD', 'h\\/home'], ['"h\\$PWD"', 'h$PWD'], ['"h\\\\$PWD"', 'h\\/home'], ['\\${}', '${}'], ['h\\${}x', 'h${}x'],
    ['${}', null], ['h${}x', null], ['h${hi}x', 'hx'], ['h${PWD}', 'h/home'], ['h${.}', null], ['h${X:-0}x', 'h0x'], ['h${PWD:-0}x', 'h/homex'], ['h${X:-$PWD}x', 'h/homex'], ['h${X:-${PWD:-y}}x', 'h/homex'],
    ['h${X:-${Y:-y}}x', 'hyx'], ['h${X:Y}', null], ['h${X?}', null], ['h${X:?}', null], ['h${PWD?}', 'h/home'], ['h${PWD:?}', 'h/home'], ['h${NULL?}', 'h'], ['h${NULL:?}', null], ['h${X:+${PWD}}x', 'hx'],
    ['h${PWD:+${X}}x', 'hx'], ['h${PWD:+${SHELL}}x', 'hbashx'], ['h${X:+0}x', 'hx'], ['h${PWD:+0}x', 'h0x'], ["'h${X}'", 'h${X}'], ['"h${PWD}"', 'h/home'], ['"h\'$PWD\'"', "h'/home'"], ["'\\$PWD'", '\\$PWD'],
    ["'\"hi\"'", '"hi"'], ['h${PWD', null], ['h${PWD:=0}x', null], ['h${PWD:+${PWD}:}x', 'h/home:x'], ['h${X:-\\$PWD:}x', 'h$PWD:x'], ['h${X:-\\${PWD}z}x', 'h${PWDz}x'],
    ['안녕', '안녕'], ["안'녕'", '안녕'], ["안'녕", null], ["안녕\\'하", "안녕'하"], ['안\\t녕', '안t녕'], ['"안\\t녕"', '안\\t녕'], ['안녕$1x', '안녕x'], ['안녕$.x', '안녕$.x'], ['안녕${KOREAN}', '안녕한국어'], ['안녕\\\\$KOREAN', '안녕\\한국어'], ['${KOREAN:+녕}', '녕'],
    ['"안녕\\$KOREAN"', '안녕$KOREAN'], ["'안녕\\$KOREAN'", '안녕\\$KOREAN'], ['안녕${X:-000}', '안녕000'], ['안녕${KOREAN:=0}', null], ['안녕${KOREAN:+${KOREAN}:}', '안녕한국어:'],
  ];
  for (const [word, expected] of rows) assert.equal(expand(word, variables)?.text ?? null, expected, word);
});

test('words that are split (wordsTest)', () => {
  const variables = { e1: 'a b', e2: 'a\\ b', e3: '"a b"', e4: '${x' };
  const rows: readonly (readonly [text: string, expected: readonly string[] | null])[] = [
    ['hi', ['hi']], ['hi"there"', ['hithere']], ['hi"', null], ['hi" x"y', ['hi xy']], ["hi'x'y", ['hixy']], ['hi\\ there', ['hi there']], ['hi  there', ['hi', 'there']], ['"hi  there"', ['hi  there']],
    ['$e1', ['a', 'b']], ['"$e1"', ['a b']], ["'$e1'", ['$e1']], ['x$e1', ['xa', 'b']], ['$e2', ['a\\', 'b']], ['$e3', ['"a', 'b"']], ['$e4', ['${x']], ['a${e1}b c', ['aa', 'bb', 'c']], ['', []], ['  ', []], ['""', []],
  ];
  for (const [text, expected] of rows) {
    let words: readonly string[] | null = null;
    try {
      ({ words } = expandWords(text, { lookup: lookupIn(variables), escape: '\\' }));
    } catch (error) {
      assert.ok(error instanceof TsbuildError, String(error));
    }
    assert.deepEqual(words, expected, text);
  }
});

test('a word tells which names had a value and which had none (TestProcessWithMatches)', () => {
  const two = { A: 'x', B: '' };
  const rows: readonly (readonly [word: string, variables: Variables, text: string | null, used?: readonly string[], unset?: readonly string[]])[] = [
    ['w ${NO}', two, 'w ', [], ['NO']], ['${A-1} ${B-2} ${C-3}', two, 'x  3', ['A', 'B'], ['C']], ['${A:-1} ${B:-2} ${C:-3}', two, 'x 2 3', ['A', 'B'], ['C']], ['${C:-}', two, '', [], ['C']],
    ['${A+1} ${B+2} ${C+3}', two, '1 2 ', ['A', 'B'], ['C']], ['${A:+1} ${B:+2} ${C:+3}', two, '1  ', ['A', 'B'], ['C']], ['${A?m}', two, 'x', ['A'], []], ['${B?m}', two, '', ['B'], []], ['${C?m}', two, null], ['${B:?m}', two, null], ['${C:?}', two, null],
    ['${A=1}', two, null], ['${A=:1}', two, null], ['${C=}', {}, null],
    ['${A#()[]{\\}^$.\\*\\?|\\\\}', { A: '()[]{}^$.*?|\\x' }, 'x', ['A'], []], ['${A%%\\**}', { A: 'xx**' }, 'xx'], ['${A#*x*y}', { A: 'xxyy' }, 'y'], ['${A#*}', { A: 'xxyy' }, 'xxyy'], ['${A#$B}', { A: 'xxyy', B: 'x' }, 'xyy', ['B', 'A'], []],
    ['${A#$B}', { A: 'xxyy', B: '' }, 'xxyy'], ['${A##*x}', { A: 'xxyy' }, 'yy'], ['${A#?\\?}', { A: '???y' }, '?y'], ['${N:-.}${A%x}${N:-.}', { A: 'xxyy' }, '.xxyy.', ['A'], ['N']], ['${A%%\\**\\*}', { A: 'a***yy*' }, 'a'], ['${A%%$B}', { A: 'xxyy', B: '' }, 'xxyy'],
    ['${A:#}', {}, null], ['${A:##}', {}, null], ['${A:%}', {}, null], ['${A:%%}', {}, null],
    ['${A/$N/.} - ${A//$N/.}', { A: '/foo*/*/*.txt', N: '\\*/' }, '/foo.*/*.txt - /foo..*.txt', ['N', 'A'], []], ['${A/$N/} - ${A//$N/}', { A: '/tmp/tmp/bar.txt', N: '/tmp' }, '/tmp/bar.txt - /bar.txt'],
    ['${A/$N/$R} - ${A//$N/$R}', { A: '/a/foo/b/c.txt', N: '/?/', R: '/' }, '/foo/b/c.txt - /foo/c.txt'], ['${A//\\//\\/}', { A: '/tmp/x' }, '\\/tmp\\/x'], ['${A/$B/ww}', { A: 'xxyy', B: '' }, 'wwxxyy'],
    ['${A//ww}', { A: 'x' }, null], ['${A//}', { A: 'x' }, null], ['${A///}', { A: 'xxyy' }, 'xxyy'], ['${A///}', {}, '', [], ['A']],
    ['t-$V.$OS${VARIANT:+-${VARIANT}}.tgz', { V: '1', OS: 'linux', VARIANT: 'v7' }, 't-1.linux-v7.tgz'], ['t-$V.$OS${VARIANT:+-${VARIANT}}.tgz', { V: '1', OS: 'linux', VARIANT: '' }, 't-1.linux.tgz'],
  ];
  for (const [word, variables, text, used, unset] of rows) {
    const result = expand(word, variables);
    assert.equal(result?.text ?? null, text, word);
    if (used !== undefined) assert.deepEqual([result?.used.toSorted(), result?.unset], [[...used].sort(), unset], word);
  }
});

test('operands are split, quotes and escapes kept (TestParseWords)', () => {
  const rows: readonly (readonly [operands: string, expected: readonly string[]])[] = [
    ['a', ['a']], ['a b', ['a', 'b']], ['a\\ b', ['a\\ b']], ['a=b', ['a=b']], ["a b 'c d'", ['a', 'b', "'c d'"]], ['a b "c d"', ['a', 'b', '"c d"']], ['àö "âb ÿ"', ['àö', '"âb ÿ"']],
  ];
  for (const [operands, expected] of rows) assert.deepEqual(wordsOf(`ARG ${operands}`), expected, operands);
});

test('wrong instructions are refused in BuildKit\'s words (TestErrorCases and those beside it)', () => {
  for (const name of ['MAINTAINER', 'WORKDIR', 'USER', 'STOPSIGNAL']) refuseLine(name, 'ARGUMENT_COUNT', new RegExp(`^${name} requires exactly one argument$`, 'm'));
  for (const name of ['ENV', 'LABEL', 'ONBUILD', 'HEALTHCHECK', 'EXPOSE', 'VOLUME']) refuseLine(name, 'ARGUMENT_COUNT', new RegExp(`^${name} requires at least one argument$`, 'm'));
  for (const name of ['ADD', 'COPY']) refuseLine(`${name} one`, 'ARGUMENT_COUNT', new RegExp(`^${name} requires at least two arguments, but only one was provided. Destination could not be determined`, 'm'));
  for (const name of ['ENV', 'LABEL', 'ARG']) refuseLine(`${name} =b`, 'NAME_BLANK', new RegExp(`^${name} names can not be blank$`, 'm'));
  refuseLine('COPY\t\n\t\tquux \\\n      bar', 'ARGUMENT_COUNT', /^COPY requires at least two arguments/m);
  refuseLine('ONBUILD FROM scratch', 'ONBUILD_TRIGGER', /^FROM isn't allowed as an ONBUILD trigger$/m);
  refuseLine('ONBUILD MAINTAINER a', 'ONBUILD_TRIGGER', /^MAINTAINER isn't allowed as an ONBUILD trigger$/m);
  refuseLine('MAINTAINER --boo a@b', 'FLAG_UNKNOWN', /^unknown flag: --boo$/m);
  refuseLine('ONBUILD ONBUILD RUN x', 'ONBUILD_TRIGGER', /^Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed$/m);
  refuseLine('FOO bar', 'INSTRUCTION_UNKNOWN', /^unknown instruction: FOO$/m);
  refuseLine('foo bar', 'INSTRUCTION_UNKNOWN', /^unknown instruction: foo$/m);
  refuseLine('FNTRYPOINT ["a"]', 'INSTRUCTION_UNKNOWN', /^Did you mean ENTRYPOINT\?$/m); // testDockerfileInvalidInstruction
  refuseLine('COPY /a <<E\nE', 'COPY_HEREDOC', /^COPY cannot accept a heredoc as a destination$/m); // TestErrorCasesHeredoc
  refuseLine('HEALTHCHECK --interval=50ns CMD x', 'HEALTHCHECK_INTERVAL', /cannot be less than 1ms$/m); // TestParseOptInterval
  for (const interval of ['0ms', '1ms']) read(`HEALTHCHECK --interval=${interval} CMD x`);
  assert.deepEqual(read('HEALTHCHECK CMD hello world')['test'], ['CMD-SHELL', 'hello world']); // TestHealthCheckCmd
  refuse('ARG a=b\n', 'STAGE_MISSING', /^dockerfile contains no stages to build$/m); // testEmptyStages
});

test('flags are read as BuildKit reads them (TestBuilderFlags)', () => {
  read('COPY -- a /b');
  refuseLine('COPY --chown a /b', 'FLAG_VALUE');
  assert.equal(read('COPY --chown= a /b')['chown'], undefined);
  assert.equal(read('COPY --link a /b')['link'], true);
  assert.equal(read('COPY --link=true a /b')['link'], true);
  assert.equal(read('COPY --link=false a /b')['link'], false);
  refuseLine('COPY --link=false1 a /b', 'FLAG_VALUE');
  refuseLine('COPY --links a /b', 'FLAG_UNKNOWN');
  assert.deepEqual(['link', 'chown'].map((name) => read('COPY --link --chown=u a /b')[name]), [true, 'u']);
});

test('devices are read as BuildKit reads them (TestParseDevice)', () => {
  const rows: readonly (readonly [value: string, name: string, required: boolean])[] = [
    ['v.com/d=x', 'v.com/d=x', false], ['v.com/d', 'v.com/d', false], ['v.com/d=x,required', 'v.com/d=x', true], ['v.com/d=x,required=true', 'v.com/d=x', true], ['v.com/d=x,required=false', 'v.com/d=x', false], ['name=v.com/d=x', 'v.com/d=x', false],
    ['name=v.com/d=x,required', 'v.com/d=x', true],
  ];
  for (const [value, name, required] of rows) assert.deepEqual(readDevice(value), { name, required }, value);
  assert.throws(() => readDevice('v.com/d=x,name=w.com/e=y'), /device name already set to v\.com\/d=x/);
});

test('here-documents are found where BuildKit finds them (TestParseExtractsHeredoc and those beside it)', () => {
  const body = 'RUN <<A\n\tx\nA\nRUN <<-B\n\ty\n\tB\nRUN <<-\'C\'\n\tdon\'t $N\nC\nRUN 3<<D\nD\nRUN "<<E"\nRUN --mount=type=cache,target=/f <<F\n# kept\nF\nCOPY <<X <<Y /d\nY\nX\nX\nY\n';
  const found = documentsOf(body).map(({ heredocs }) => heredocs.map(({ name, content, expand: expands, chomp }) => [name, content, expands, chomp]));
  assert.deepEqual(found, [
    [['A', '\tx\n', true, false]], [['B', '\ty\n', true, true]], [['C', "\tdon't $N\n", false, true]], [['D', '', true, false]], [], [['F', '# kept\n', true, false]], [['X', 'Y\n', true, false], ['Y', 'X\n', true, false]],
  ]);
  for (const line of ['["whoami"]', '["<<E"]', '["<<\'E\'"]']) assert.deepEqual(documentsOf(`RUN ${line}\n`)[0]?.heredocs, [], line); // TestParseJSONHeredoc
  assert.deepEqual(parseLines('FROM a\nUSER <<E\nE\n', 'f').instructions.map(({ name, heredocs }) => [name, heredocs.length]), [['FROM', 0], ['USER', 0], ['E', 0]]);
  assert.equal(chompContent('\thello\n\tworld\n'), 'hello\nworld\n'); // TestHeredocChomp
  for (const word of ['<<E', "<<'E'", '<<"E"', '<<-E', "<<-'E'", '<<-"E"']) assert.equal(readHeredocWord(word)?.name, 'E', word); // TestParseHeredocHelpers
  for (const word of ["<<'E", '<<"E', "<<E'", '<<E"']) assert.throws(() => readHeredocWord(word), TsbuildError, word);
  for (const word of ['', 'E', '<<', '<<-', '<E', '<<<E']) assert.equal(readHeredocWord(word), undefined, word);
  for (const [line, names] of [['RUN <<E', ['E']], ['RUN 4<<E', ['E']], ['RUN <<E <<F', ['E', 'F']], ["RUN '<<E'", []], ['RUN "<<E"', []]] as const) assert.deepEqual(findHeredocs(line).map(({ name }) => name), names, line); // TestHeredocsFromLine
});

test('the frontend is found in every form (TestDetectSyntax)', () => {
  const rows: readonly (readonly [text: string, reference: string | undefined, line?: number])[] = [
    ['# syntax = d:exp // opts\nFROM a\n', 'd:exp', 1], ['#!/bin/sh\n# syntax = d:exp\nFROM a\n', 'd:exp', 2], ['#!/bin/sh\n\n# syntax = d:exp\n', undefined], ['FROM a\nRUN ls\n', undefined], ['//syntax=d\n//key=value', 'd'], ['#!/bin/sh\n//syntax=x', 'x'],
    ['{"syntax": "d"}', 'd'], ['{"syntax": "d"', undefined], ['{"syntax": "d"}\n# syntax=b', undefined], ['\ufeff# syntax = own\nFROM a\n', 'own', 1],
  ];
  for (const [text, reference, line] of rows) {
    assert.equal(detectSyntax(text)?.reference, reference, text);
    if (line !== undefined) assert.equal(detectSyntax(text)?.line, line, text);
  }
});

test('empty lines in a continued instruction are told once for each (TestParseWarnsOnEmptyContinutationLine)', () => {
  const { warnings } = parseLines('\nFROM a\n\nRUN one \\\n\n  two \\\n\n  three\n\nRUN four \\\n\n  five\nRUN six \\\n# comment\n  seven\nRUN eight \\\n  # comment\n  nine\n', 'f');
  assert.deepEqual(warnings.map(({ message, position }) => [message, position.startLine]), [['Empty continuation line found in: RUN one   two   three', 8], ['Empty continuation line found in: RUN four   five', 12]]);
});
