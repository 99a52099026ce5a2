/** Lexing, parsing and words: one test for each of the reference's points A6, 1 to 31 and 42. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDockerfile } from '../../src/dockerfile/parse.ts';
import { scriptOf } from '../../src/dockerfile/run.ts';
import { expandHeredoc, expandWord, expandWords } from '../../src/dockerfile/words.ts';
import { configOf, runOf, runsOf } from '../graph/support.ts';
import { documentsOf, expand, parse, read, refuse, refuseLine, wordsOf } from './semantics-support.ts';

const none = { lookup: () => undefined, escape: '\\' } as const;

test('A6.1 a byte order mark is stripped from the first line, and nothing else is', () => {
  assert.deepEqual(parse('\ufeffFROM a').instructions[0]?.name, 'FROM');
  assert.deepEqual(wordsOf('RUN \ufeffa\ufeff'), ['\ufeffa\ufeff']);
});

test('A6.2 blanks before a line go on its first physical line only', () => assert.deepEqual(wordsOf('  \t RUN a \\\n   b'), ['a    b']));

test('A6.3 joining continuation lines puts no blank between them', () => assert.deepEqual(wordsOf('RUN foo\\\nbar'), ['foobar']));

test('A6.4 the escape character continues a line, blanks behind it or not, unless another stands before it', () => {
  assert.deepEqual(wordsOf('RUN a \\ \t\nb'), ['a b']);
  assert.deepEqual(documentsOf('RUN a \\\\\nRUN b').map(({ words }) => words[0]), ['a \\\\', 'b']);
  assert.deepEqual(documentsOf('RUN a \\\\\\\nRUN b').map(({ words }) => words[0]), ['a \\\\\\', 'b']);
  assert.deepEqual(documentsOf('RUN a\\\n\\\nb').map(({ words }) => words[0]), ['ab']);
  assert.deepEqual(parse('# escape=`\nFROM a\nRUN c:\\\nRUN a `\nb').instructions.map(({ words }) => words[0]), ['a', 'c:\\', 'a b']);
});

test('A6.5 a comment inside a continued instruction is dropped and ends nothing, even if it ends in a backslash', () => {
  assert.deepEqual(documentsOf('RUN a \\\n# c \\\n  # d\n b').map(({ words, end }) => [words[0], end]), [['a  b', 5]]);
});

test('A6.6 empty lines inside a continuation are skipped with a warning', () => {
  const { instructions, warnings } = parse('FROM a\nRUN a \\\n\n  \n b');
  assert.deepEqual(instructions[1]?.words, ['a  b']);
  assert.deepEqual(warnings, [{ code: 'NoEmptyContinuation', line: 5, message: 'Empty continuation line found in: RUN a  b' }]);
});

test('A6.7 # begins a comment only where nothing but blanks is before it', () => {
  assert.deepEqual(documentsOf(' \t# c\nRUN a # b').map(({ words }) => words[0]), ['a # b']);
  refuse('FROM a # c', 'FROM_ARGUMENTS', /line of its own/);
});

test('A6.8 directives end at the first comment, blank line, instruction or unknown directive; each once; names in any case', () => {
  for (const before of ['# comment', '', 'FROM x', '# foo=bar']) assert.equal(parse(`${before}\n# escape=\`\nFROM a`).escape, '\\', before);
  assert.deepEqual(parse('#SYNTAX=A/B\n# Check=X\nFROM a').directives, { syntax: 'A/B', check: 'X' });
  refuse('# escape=`\n# ESCAPE=`\nFROM a', 'DIRECTIVE_DUPLICATE', /only one escape parser directive can be used/);
});

test('A6.9 empty files, files without instructions and lines over 65,535 bytes are refused', () => {
  refuse('', 'DOCKERFILE_EMPTY', /the Dockerfile cannot be empty/);
  refuse('# c\n\n', 'DOCKERFILE_NO_INSTRUCTIONS', /file with no instructions/);
  refuse(`FROM a\nRUN ${'x'.repeat(65_532)}`, 'DOCKERFILE_LINE_TOO_LONG', /65535/);
  assert.equal(wordsOf(`RUN ${'x'.repeat(65_531)}\n`)[0]?.length, 65_531);
});

test('A6.10 keywords are told in any case, and unknown ones with the one that was meant', () => {
  assert.deepEqual(documentsOf('rUn a').map(({ name }) => name), ['RUN']);
  refuseLine('RUNN a', 'INSTRUCTION_UNKNOWN', /unknown instruction: RUNN\nDid you mean RUN\?/);
});

test('A6.11 leading words with -- are flags, a bare -- ends them, and quotes and escapes go first', () => {
  const flags = (line: string): unknown => documentsOf(line).map((instruction) => [instruction.flags, instruction.words]);
  assert.deepEqual(flags('COPY --link -- --a /b'), [[['--link'], ['--a', '/b']]]);
  assert.deepEqual(flags('RUN a --link'), [[[], ['a --link']]]);
  assert.deepEqual(flags('COPY --from="x" --chmo\\d=1 \'--chown=a b\' /b'), [[['--from=x', '--chmod=1'], ["'--chown=a", "b'", '/b']]]);
  assert.deepEqual(parse('# escape=`\nFROM a\nRUN --mount=type=bind,target=c:\\x y').instructions[1]?.flags, ['--mount=type=bind,target=c:\\x']);
});

test('A6.12 only lists can be repeated, --link= is refused, --link means true, and unknown flags suggest', () => {
  assert.deepEqual(read('COPY --exclude=a --exclude=b x /y')['excludes'], ['a', 'b']);
  assert.equal((read('RUN --mount=target=/a --mount=target=/b x')['mounts'] as unknown[]).length, 2);
  assert.equal(read('COPY --link a /b')['link'], true);
  refuseLine('COPY --from=a --from=a x /y', 'FLAG_DUPLICATE', /duplicate flag specified: --from/);
  refuseLine('COPY --link= a /b', 'FLAG_VALUE', /missing a value on flag: --link/);
  refuseLine('COPY --chwon=a x /y', 'FLAG_UNKNOWN', /Did you mean --chown\?/);
});

test('A6.13 ARG and STOPSIGNAL drop flags without a word', () => {
  assert.deepEqual(read('ARG --x y'), { kind: 'arg', args: [{ key: 'y' }] });
  assert.deepEqual(read('STOPSIGNAL --x 9'), { kind: 'stopsignal', value: '9' });
});

test('A6.14 JSON form: only an array that is JSON; anything else is shell form; an element that is no string is refused', () => {
  for (const text of ["['a']", '["a",]', '["a" "b"]', '["c:\\x"]', '["a"] # c', '[a]', '{"a":1}']) assert.deepEqual(read(`CMD ${text}`)['command'], { form: 'shell', text }, text);
  for (const text of ['[1]', '["a", null]', '[["a"]]']) refuseLine(`CMD ${text}`, 'JSON_FORM_STRINGS', /arrays must be comprised of strings only/);
});

test('A6.15 JSON form is for RUN, CMD, ENTRYPOINT, SHELL, HEALTHCHECK CMD, COPY, ADD and VOLUME; SHELL wants it; ENV, LABEL and EXPOSE have none', () => {
  for (const line of ['RUN', 'CMD', 'ENTRYPOINT', 'SHELL', 'HEALTHCHECK CMD', 'COPY', 'ADD', 'VOLUME']) {
    const [instruction] = documentsOf(`${line} ["a", "b c"]`);
    assert.deepEqual([instruction?.json, instruction?.words.slice(-2)], [true, ['a', 'b c']], line);
  }
  for (const line of ['LABEL ["a","b"] c', 'EXPOSE ["80"]', 'USER ["a"]']) assert.equal(documentsOf(line)[0]?.json, false, line);
  refuseLine('SHELL /bin/sh -c', 'SHELL_JSON', /SHELL \["\/bin\/sh", "-c"\]/);
});

test('A6.16 commands in exec and shell form are not substituted', () => {
  assert.deepEqual(read('RUN ["$A"]')['command'], { form: 'exec', argv: ['$A'] });
  const file = 'FROM scratch\nENV A=1\nRUN ["$A", "\\\\x"]\nRUN echo $A \\$A\nCMD $A\n';
  assert.deepEqual(runsOf(file).map(({ args }) => args), [['$A', '\\x'], ['/bin/sh', '-c', 'echo $A \\$A']]);
  assert.deepEqual(configOf(file).Cmd, ['/bin/sh', '-c', '$A']);
});

test('A6.17 ENV and LABEL have the legacy form if and only if the first word has no equals sign', () => {
  assert.deepEqual(read('ENV ONE TWO= THREE=w'), { kind: 'env', pairs: [{ key: 'ONE', value: 'TWO= THREE=w' }], legacy: true });
  refuseLine('ENV a=b c', 'PAIR_INCOMPLETE', /can't find = in "c"/);
  refuseLine('LABEL a', 'PAIR_INCOMPLETE', /LABEL must have two arguments/);
});

test('A6.18 names of ENV and LABEL are substituted too', () => {
  const { Env, Labels } = configOf('FROM scratch\nARG k=name\nENV $k=v\nLABEL "${k} x"=w\n');
  assert.ok(Env?.includes('name=v'));
  assert.deepEqual(Labels, { 'name x': 'w' });
});

test('A6.19 all pairs of one ENV see the environment from before it', () => {
  assert.ok(configOf('FROM scratch\nENV abc=hello\nENV abc=bye def=$abc\n').Env?.includes('def=hello'));
});

test('A6.20 ARG substitutes from left to right', () => {
  assert.ok(configOf('FROM scratch\nARG a=1 b=$a\nENV c=$b\n').Env?.includes('c=1'));
});

test('A6.21 substitution splits no words; only EXPOSE splits afterwards', () => {
  assert.equal(expandWord('$F', { ...none, lookup: () => 'a b' }).text, 'a b');
  assert.deepEqual(expandWords('$F "$F"', { ...none, lookup: () => 'a b' }).words, ['a', 'b', 'a b']);
});

test('A6.22 names are letters, digits and _, or one special character; ${} and ${x:#p} are refused', () => {
  const variables = { A_1: 'ok', '1': 'one', '@': 'at' };
  for (const [word, expected] of [['$A_1-', 'ok-'], ['$1x', 'onex'], ['$@x', 'atx'], ['$?', ''], ['$!', ''], ['$*', ''], ['${}', '!WORD_SUBSTITUTION'], ['${:x}', '!WORD_SUBSTITUTION'], ['${A_1:#p}', '!WORD_MODIFIER']] as const) {
    assert.equal(expand(word, variables), expected, word);
  }
});

test('A6.23 a variable without value is empty, and stays as written in names of steps', () => {
  assert.deepEqual(expandWord('a$x-${y}', none), { text: 'a-', used: [], unset: ['x', 'y'] });
  assert.equal(expandWord('a$x-${y:-z}', { ...none, keepUnset: true }).text, 'a$x-${y:-z}');
});

test('A6.24 # escape= counts in words too, but not in delimiters of here-documents', () => {
  assert.equal(expand('`$x\\$x', { x: 'v' }, '`'), '$x\\v');
  assert.deepEqual(parse('# escape=`\nFROM a\nRUN cat <<\\E\nx\nE\n').instructions[1]?.heredocs.map(({ name }) => name), ['E']);
  refuse('# escape=`\nFROM a\nRUN cat <<`E\nx\nE\n', 'HEREDOC_UNTERMINATED', /"`E"/);
});

test('A6.25 here-documents are for RUN, COPY and ADD, also under ONBUILD, not in JSON form; several a line; quoted anywhere', () => {
  const names = (body: string): unknown => documentsOf(body)[0]?.heredocs.map(({ name, expand: expands }) => [name, expands]);
  for (const line of ['RUN cat <<E', 'COPY <<E /a', 'ADD <<E /a', 'ONBUILD RUN <<E']) assert.deepEqual(names(`${line}\nE\n`), [['E', true]], line);
  for (const line of ['CMD cat <<E', 'RUN ["<<E"]', 'LABEL a=<<E', 'RUN "<<E"', 'RUN <<<E', 'RUN a<<E']) assert.deepEqual(names(line), [], line);
  assert.deepEqual(names('RUN cat <<A 3<<B\nA\nB\n'), [['A', true], ['B', true]]);
  assert.deepEqual(names("RUN <<E'O'F\nEOF\n"), [['EOF', false]]);
  refuseLine('RUN <<E', 'HEREDOC_UNTERMINATED');
});

test('A6.26 <<- strips tabs, and nothing but tabs, before body lines and terminator', () => {
  const [heredoc] = read('COPY <<-E /a\n\t\tx\n \ty\n\tE\n')['heredocs'] as { content: string; raw: string }[];
  assert.deepEqual([heredoc?.content, heredoc?.raw], ['x\n \ty\n', '\t\tx\n \ty\n']);
  refuse('FROM a\nCOPY <<-E /a\n E\n', 'HEREDOC_UNTERMINATED');
  refuse('FROM a\nCOPY <<E /a\n\tE\n', 'HEREDOC_UNTERMINATED');
});

test('A6.27 a quoted delimiter keeps the body of COPY; in another body $x is substituted, quotes stay, and \\$x is $x', () => {
  for (const [word, expands] of [['<<E', true], ["<<'E'", false], ['<<"E"', false]] as const) {
    assert.equal((read(`COPY ${word} /a\nE\n`)['heredocs'] as { expand: boolean }[])[0]?.expand, expands, word);
  }
  assert.equal(expandHeredoc('"$x" \'$x\' \\$x a\\nb', { lookup: () => 'v' }).text, '"v" \'v\' $x anb');
});

test('A6.28 bodies of RUN are never substituted', () => {
  assert.deepEqual(runOf('FROM scratch\nENV A=1\nRUN <<E\necho $A ${A:-x}\nE\n').args, ['/bin/sh', '-c', 'echo $A ${A:-x}\n']);
});

test('A6.29 a lone here-document is the script, with #! a file; anything else goes to the shell as it was written', () => {
  const script = (body: string): unknown => {
    const [instruction] = parseDockerfile(`FROM a\n${body}`, 'f').stages[0]?.instructions ?? [];
    assert.ok(instruction?.kind === 'run');
    return scriptOf(instruction);
  };
  assert.deepEqual(script('RUN <<E\na\nE\n'), { kind: 'shell', text: 'a\n' });
  assert.deepEqual(script('RUN <<E\n#!/x\na\nE\n'), { kind: 'file', name: 'E', content: '#!/x\na\n' });
  assert.deepEqual(script('RUN python <<E\n#!/x\nE\n'), { kind: 'shell', text: 'python <<E\n#!/x\nE' });
  assert.deepEqual(script('RUN cat <<A >x && cat <<B >y\n1\nA\n2\nB\n'), { kind: 'shell', text: 'cat <<A >x && cat <<B >y\n1\nA\n2\nB' });
});

test('A6.30 a here-document of COPY is a file named after its delimiter, and no destination', () => {
  assert.deepEqual(read('COPY a <<E /d/\nx\nE\n'), {
    kind: 'copy', sources: ['a'], destination: '/d/', link: false, parents: false, excludes: [],
    heredocs: [{ name: 'E', fileDescriptor: 0, expand: true, chomp: false, content: 'x\n', raw: 'x\n' }],
  });
  refuse('FROM a\nCOPY a <<E\nx\nE\n', 'COPY_HEREDOC', /cannot accept a heredoc as a destination/);
});

test('A6.31 bodies keep their line ends, and the terminator is compared without them', () => {
  assert.deepEqual(documentsOf('RUN <<E\r\na\r\n\r\nb\r\r\nE\r\n')[0]?.heredocs[0]?.content, 'a\r\n\r\nb\r\r\n');
  assert.deepEqual(documentsOf('RUN <<E\na\nE')[0]?.heredocs[0]?.content, 'a\n');
});

test('A6.42 an empty ENV is set: ${X-d} is empty and ${X:-d} is d', () => {
  assert.deepEqual([expand('${X-d}', { X: '' }), expand('${X:-d}', { X: '' })], ['', 'd']);
});
