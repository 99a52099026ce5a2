import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import { encodePath } from '../../src/base/path-bytes.ts';
import type { Instruction } from '../../src/dockerfile/instruction.ts';
import { parseDockerfile, parseTrigger, tryParseDockerfile } from '../../src/dockerfile/parse.ts';
import { scriptOf } from '../../src/dockerfile/run.ts';
import { expandHeredoc } from '../../src/dockerfile/words.ts';

/** The instructions after `FROM a`, without position, text and comments. */
function read(body: string): object[] {
  return parseDockerfile(`FROM a\n${body}`, 'Dockerfile').stages[0]?.instructions.map(strip) ?? [];
}

function strip(instruction: Instruction): object {
  return Object.fromEntries(Object.entries(instruction).filter(([key]) => !['position', 'text', 'comments'].includes(key)));
}

function check(table: readonly (readonly [body: string, expected: object])[]): void {
  for (const [body, expected] of table) assert.deepEqual(read(body), [expected], body);
}

/** Refuses the whole file with the code, on the lines. */
function refuse(source: string | Uint8Array, code: string, lines: readonly [number, number], hint?: RegExp): void {
  assert.throws(() => parseDockerfile(source, 'a/Dockerfile'), (error) => {
    assert.ok(error instanceof TsbuildError, String(error));
    assert.deepEqual({ code: error.code, class: error.errorClass }, { code, class: 'usage' }, String(source));
    assert.deepEqual(error.position, { file: 'a/Dockerfile', startLine: lines[0], endLine: lines[1] }, String(source));
    if (hint !== undefined) assert.match(error.hint ?? '', hint);
    return true;
  });
}

/** Refuses one line after `FROM a`. */
function refuseLine(line: string, code: string, hint?: RegExp): void {
  refuse(`FROM a\n${line}\n`, code, [2, 2], hint);
}

const shell = (text: string): object => ({ form: 'shell', text });
const exec = (...argv: string[]): object => ({ form: 'exec', argv });
const run = { kind: 'run', heredocs: [], mounts: [], devices: [] };
const copy = { kind: 'copy', sources: ['a'], heredocs: [], destination: '/b', link: false, parents: false, excludes: [] };

test('parseDockerfile sorts instructions into global arguments and stages', () => {
  const file = parseDockerfile('\ufeff# syntax=x y\n# escape=`\nARG V=1\nFROM a:$V AS One\nRUN x\nFROM --platform=$BUILDPLATFORM one as t.w-o_2\n', 'f');
  assert.deepEqual(file.directives, { syntax: 'x y', escape: '`' });
  assert.equal(file.escape, '`');
  assert.ok(file.text.startsWith('# syntax'));
  assert.deepEqual(file.globalArgs.map(strip), [{ kind: 'arg', args: [{ key: 'V', value: '1' }] }]);
  assert.deepEqual(file.stages.map(({ index, name, from, instructions }) => [index, name, strip(from), instructions.length]), [
    [0, 'one', { kind: 'from', base: 'a:$V', as: 'one' }, 1],
    [1, 't.w-o_2', { kind: 'from', base: 'one', platform: '$BUILDPLATFORM', as: 't.w-o_2' }, 0],
  ]);
});

test('parseDockerfile keeps position and text of each instruction', () => {
  const [first] = parseDockerfile('FROM a\n\n  run  x \\\n # c\n  y <<E\nb\nE\n', 'f').stages[0]?.instructions ?? [];
  assert.deepEqual(first?.position, { file: 'f', startLine: 3, endLine: 7 });
  assert.equal(first?.text, 'run  x   y <<E');
});

test('parseDockerfile keeps the comments above an instruction, to the nearest empty one', () => {
  const file = parseDockerfile('# check=skip=A\n# one\nARG V\n# two\n#\n# three\n\n #  four\nFROM a\nRUN x \\\n# five\n y\n', 'f');
  assert.deepEqual(file.globalArgs[0]?.comments, ['one']);
  assert.deepEqual(file.stages[0]?.from.comments, ['three', '#  four']);
  assert.deepEqual(file.stages[0].instructions[0]?.comments, []);
});

test('tryParseDockerfile keeps what stands before the first wrong instruction', () => {
  const attempt = tryParseDockerfile('# check=skip=A\nFROM a\nRUN b \\\n\n c\nRUM d\nRUN e\n', 'f');
  assert.deepEqual([attempt.error?.code, attempt.dockerfile], ['INSTRUCTION_UNKNOWN', null]);
  assert.deepEqual(attempt.instructions.map(({ kind }) => kind), ['from', 'run']);
  assert.deepEqual([attempt.directives, attempt.warnings.length], [{ check: 'skip=A' }, 1]);
  assert.deepEqual(tryParseDockerfile('RUN b', 'f').error?.code, 'STAGE_MISSING');
  assert.throws(() => tryParseDockerfile('RUN <<E', 'f'), { code: 'HEREDOC_UNTERMINATED' });
});

test('parseDockerfile warns of empty continuation lines and of bytes that are not UTF-8', () => {
  const warnings = (source: string | Uint8Array): object[] => parseDockerfile(source, 'f').warnings.map(({ code, position }) => [code, position.startLine]);
  assert.deepEqual(warnings('FROM a\nRUN b \\\n\n c\nRUN d'), [['NoEmptyContinuation', 4]]);
  assert.deepEqual(warnings(Buffer.from('FROM a\n# \xe9\n', 'latin1')), [['InvalidUtf8', 2]]);
  assert.deepEqual(warnings(Buffer.from('FROM a\n# é\n')), []);
});

test('parseDockerfile reads RUN', () => check([
  ['RUN a  b', { ...run, command: shell('a  b') }], ['RUN ["a", "b c"]', { ...run, command: exec('a', 'b c') }], ['RUN', { ...run, command: shell('') }], ['RUN []', { ...run, command: exec() }],
  ['RUN --network=none --security=insecure --mount=type=ssh --mount=target=/x --device=a=b c',
    { ...run, command: shell('c'), network: 'none', security: 'insecure', mounts: ['type=ssh', 'target=/x'], devices: ['a=b'] }],
]));

test('parseDockerfile reads COPY and ADD', () => check([
  ['COPY a /b', copy], ['COPY ["a", "c d", "/b"]', { ...copy, sources: ['a', 'c d'] }], ['COPY --link=false a /b', copy],
  ['COPY --from=s --chown=u:g --chmod=u+x --link --parents --exclude=x --exclude=y a /b',
    { ...copy, from: 's', chown: 'u:g', chmod: 'u+x', link: true, parents: true, excludes: ['x', 'y'] }],
  ['COPY --from= --chown= a /b', copy],
  ['ADD --checksum=sha256:x --keep-git-dir --unpack=false --link a /b', { ...copy, kind: 'add', checksum: 'sha256:x', keepGitDir: true, unpack: false, link: true }],
]));

test('parseDockerfile reads ENV, LABEL and ARG before substitution', () => check([
  ['ENV a=1 b="2 3"', { kind: 'env', pairs: [{ key: 'a', value: '1' }, { key: 'b', value: '"2 3"' }] }],
  ['ENV a b c', { kind: 'env', pairs: [{ key: 'a', value: 'b c' }], legacy: true }],
  ['LABEL "k"=$v', { kind: 'label', pairs: [{ key: '"k"', value: '$v' }] }],
  ['ENV __proto__=1', { kind: 'env', pairs: [{ key: '__proto__', value: '1' }] }],
  ['ARG a b= c="x y"', { kind: 'arg', args: [{ key: 'a' }, { key: 'b', value: '' }, { key: 'c', value: '"x y"' }] }],
  ['ARG --ignored a', { kind: 'arg', args: [{ key: 'a' }] }],
]));

test('parseDockerfile reads the other instructions', () => check([
  ['CMD a b', { kind: 'cmd', command: shell('a b') }], ['CMD', { kind: 'cmd', command: shell('') }], ['ENTRYPOINT ["a"]', { kind: 'entrypoint', command: exec('a') }],
  ['ENTRYPOINT []', { kind: 'entrypoint', command: exec() }], ['WORKDIR /a  b', { kind: 'workdir', value: '/a  b' }], ['USER $u', { kind: 'user', value: '$u' }],
  ['STOPSIGNAL --x SIGTERM', { kind: 'stopsignal', value: 'SIGTERM' }], ['MAINTAINER A <b>', { kind: 'maintainer', value: 'A <b>' }],
  ['EXPOSE 80 443/tcp', { kind: 'expose', values: ['80', '443/tcp'] }], ['VOLUME /a /b', { kind: 'volume', values: ['/a', '/b'] }], ['VOLUME [" /a "]', { kind: 'volume', values: ['/a'] }],
  ['SHELL ["a", "-c"]', { kind: 'shell', shell: ['a', '-c'] }],
]));

test('parseDockerfile reads HEALTHCHECK', () => check([
  ['HEALTHCHECK NONE', { kind: 'healthcheck', test: ['NONE'] }], ['HEALTHCHECK --interval=x none', { kind: 'healthcheck', test: ['NONE'] }],
  ['HEALTHCHECK cmd a || b', { kind: 'healthcheck', test: ['CMD-SHELL', 'a || b'] }], ['HEALTHCHECK CMD ["a", "b"]', { kind: 'healthcheck', test: ['CMD', 'a', 'b'] }],
  ['HEALTHCHECK --interval=1m30s --timeout=1.5s --start-period=0s --start-interval=1ms --retries=3 CMD a',
    { kind: 'healthcheck', test: ['CMD-SHELL', 'a'], interval: 90e9, timeout: 1.5e9, startInterval: 1e6, retries: 3 }],
  ['HEALTHCHECK --interval= --retries=0 CMD a', { kind: 'healthcheck', test: ['CMD-SHELL', 'a'] }],
]));

const heredoc = { name: 'E', fileDescriptor: 0, expand: true, chomp: false, content: 'x\n', raw: 'x\n' };

test('parseDockerfile reads here-documents of RUN, COPY and ADD', () => check([
  ['RUN <<E\nx\nE', { ...run, command: shell('<<E'), heredocs: [heredoc] }],
  ['RUN 3<<-"E"\n\tx\n\tE', { ...run, command: shell('3<<-"E"'), heredocs: [{ ...heredoc, fileDescriptor: 3, chomp: true, expand: false, raw: '\tx\n' }] }],
  ['COPY <<E a <<\'F\' /b\nx\nE\ny\nF', { ...copy, heredocs: [heredoc, { ...heredoc, name: 'F', expand: false, content: 'y\n', raw: 'y\n' }] }],
  ['ADD <<-E /b\n\t\tx\n\tE', { ...copy, kind: 'add', sources: [], heredocs: [{ ...heredoc, chomp: true, raw: '\t\tx\n' }] }],
  ['COPY <<E <<E /b\nx\nE\ny\nE', { ...copy, sources: [], heredocs: [{ ...heredoc, content: 'y\n', raw: 'y\n' }, { ...heredoc, content: 'y\n', raw: 'y\n' }] }],
  ['COPY ["<<E", "/b"]', { ...copy, sources: [], heredocs: [{ ...heredoc, content: '', raw: '' }] }],
  ['RUN <<E\r\nx\r\nE\r\n', { ...run, command: shell('<<E'), heredocs: [{ ...heredoc, content: 'x\r\n', raw: 'x\r\n' }] }],
  ['RUN <<E\nE', { ...run, command: shell('<<E'), heredocs: [{ ...heredoc, content: '', raw: '' }] }],
  ['RUN echo "<<E" \'<<E\' \\<<E <<<E', { ...run, command: shell('echo "<<E" \'<<E\' \\<<E <<<E') }],
  ['RUN ["<<E"]', { ...run, command: exec('<<E') }],
]));

test('bytes of a here-document that are not UTF-8 come back in COPY and ADD, and nowhere else', () => {
  const [copied, ran, trigger] = parseDockerfile(Buffer.from("FROM a\nCOPY <<'E' /\n\xe9\n\xffE\nE\nRUN <<E\n\xe9\nE\nONBUILD COPY <<E /\n\xe9\nE\n", 'latin1'), 'f').stages[0]?.instructions ?? [];
  assert.ok(copied?.kind === 'copy' && ran?.kind === 'run' && trigger?.kind === 'onbuild');
  assert.deepEqual(encodePath(copied.heredocs[0]?.content ?? ''), Buffer.from('\xe9\n\xffE\n', 'latin1'));
  assert.equal(ran.heredocs[0]?.content, '\ufffd\n');
  assert.equal(trigger.expression, 'COPY <<E /\n\ufffd\nE');
  assert.equal(expandHeredoc('\udce9$x', { lookup: () => 'y' }).text, '\ufffdy');
});

test('a keyword is told by Unicode, as in BuildKit', () => check([
  ['WORKD\u0130R /a', { kind: 'workdir', value: '/a' }], ['wor\u212adir /a', { kind: 'workdir', value: '/a' }],
]));

test('scriptOf says what a RUN runs', () => {
  const script = (body: string): object => {
    const [instruction] = parseDockerfile(`FROM a\n${body}`, 'f').stages[0]?.instructions ?? [];
    assert.ok(instruction?.kind === 'run');
    return scriptOf(instruction);
  };
  assert.deepEqual(script('RUN a'), { kind: 'shell', text: 'a' });
  assert.deepEqual(script('RUN ["a"]'), { kind: 'exec', argv: ['a'] });
  assert.deepEqual(script('RUN <<E\nx\nE'), { kind: 'shell', text: 'x\n' });
  assert.deepEqual(script('RUN <<-E\n\tx\nE'), { kind: 'shell', text: 'x\n' });
  assert.deepEqual(script('RUN <<E\n#!/bin/x\ny\nE'), { kind: 'file', name: 'E', content: '#!/bin/x\ny\n' });
  assert.deepEqual(script('RUN <<-E\n\t#!/bin/x\nE'), { kind: 'shell', text: '#!/bin/x\n' });
  assert.deepEqual(script('RUN << "E"\nx\nE'), { kind: 'shell', text: 'x\n' });
  assert.deepEqual(script('RUN cat <<-"E" >a && cat <<F\n\tx\nE\ny\nF'), { kind: 'shell', text: 'cat <<-"E" >a && cat <<F\n\tx\nE\ny\nF' });
});

test('parseDockerfile reads ONBUILD with its trigger', () => {
  const [first] = parseDockerfile('FROM a\nONBUILD  run \\\n cat <<E\nx\nE\n', 'f').stages[0]?.instructions ?? [];
  assert.ok(first?.kind === 'onbuild');
  assert.equal(first.expression, 'run  cat <<E\nx\nE');
  assert.deepEqual(first.trigger.position, { file: 'f', startLine: 2, endLine: 5 });
  assert.deepEqual(strip(first.trigger), { ...run, command: shell('cat <<E'), heredocs: [heredoc] });
});

test('parseTrigger reads an expression of a base image, with the position of the FROM', () => {
  const position = { file: 'f', startLine: 7, endLine: 7 };
  assert.deepEqual(parseTrigger('COPY <<E /b\nx\nE', position), { ...copy, sources: [], heredocs: [heredoc], position, comments: [], text: 'COPY <<E /b' });
  for (const [text, code] of [
    ['RUN a\nRUN b', 'ONBUILD_EXPRESSION'], ['FROM a', 'ONBUILD_TRIGGER'], ['', 'DOCKERFILE_EMPTY'], ['\n', 'DOCKERFILE_NO_INSTRUCTIONS'],
    ['COPY a', 'ARGUMENT_COUNT'], ['NOPE', 'INSTRUCTION_UNKNOWN'], ['RUN <<E', 'HEREDOC_UNTERMINATED'],
  ] as const) {
    assert.throws(() => parseTrigger(text, position), (error) => error instanceof TsbuildError && error.code === code && error.position?.startLine === 7, text);
  }
});

test('parseDockerfile refuses files without a stage', () => {
  refuse('', 'DOCKERFILE_EMPTY', [1, 1]);
  refuse(new Uint8Array(), 'DOCKERFILE_EMPTY', [1, 1]);
  refuse(Buffer.from('\ufeffFROM a\n', 'utf16le'), 'DOCKERFILE_UTF16', [1, 1], /iconv/);
  refuse('\n# c\n', 'DOCKERFILE_NO_INSTRUCTIONS', [1, 2]);
  refuse('ARG a\n', 'STAGE_MISSING', [1, 1]);
  refuse('ARG a\n\nRUN b \\\n c\n', 'STAGE_MISSING', [3, 4], /Only ARG/);
});

test('parseDockerfile refuses wrong directives', () => {
  refuse('# escape=x\nFROM a', 'DIRECTIVE_ESCAPE', [1, 1]);
  refuse('# syntax=a\n# Syntax=b\nFROM a', 'DIRECTIVE_DUPLICATE', [2, 2]);
});

test('parseDockerfile refuses unknown instructions and finds the one that was meant', () => {
  refuse('FORM a', 'INSTRUCTION_UNKNOWN', [1, 1], /Did you mean FROM\?/);
  refuseLine('cppy a b', 'INSTRUCTION_UNKNOWN', /Did you mean COPY\?/);
  refuseLine('if true', 'INSTRUCTION_UNKNOWN', /needs RUN/);
  refuseLine('toString x', 'INSTRUCTION_UNKNOWN');
  refuseLine('u\u017fer x', 'INSTRUCTION_UNKNOWN');
  refuse('FROM a\n\\\n', 'INSTRUCTION_UNKNOWN', [2, 2]);
});

test('parseDockerfile refuses wrong operands', () => {
  const table: readonly (readonly [line: string, code: string, hint?: RegExp])[] = [
    ['FROM', 'FROM_ARGUMENTS'], ['FROM a # c', 'FROM_ARGUMENTS', /line of its own/], ['FROM a as', 'FROM_ARGUMENTS'], ['FROM a is b', 'FROM_ARGUMENTS'],
    ['FROM a AS 1', 'STAGE_NAME'], ['FROM a AS b/c', 'STAGE_NAME'], ['FROM --plat=x a', 'FLAG_UNKNOWN'], ['FROM --platform a', 'FLAG_VALUE'],
    ['COPY a', 'ARGUMENT_COUNT'], ['ADD', 'ARGUMENT_COUNT'], ['COPY --form=x a b', 'FLAG_UNKNOWN', /--from/], ['ADD --from=x a b', 'FLAG_UNKNOWN'], ['ADD --parents a b', 'FLAG_UNKNOWN'],
    ['COPY --unpack a b', 'FLAG_UNKNOWN'], ['COPY ["a", 1]', 'JSON_FORM_STRINGS'], ['RUN --network=x a', 'RUN_NETWORK'], ['RUN --network= a', 'RUN_NETWORK'], ['RUN --security=x a', 'RUN_SECURITY'],
    ['RUN --mount=type=bind,from=$x a', 'MOUNT_FROM'], ['RUN --device= a', 'CSV'], ['RUN [1]', 'JSON_FORM_STRINGS'],
    ['ENV', 'ARGUMENT_COUNT'], ['ENV a', 'PAIR_INCOMPLETE'], ['ENV a=b c', 'PAIR_INCOMPLETE'], ['ENV =a', 'NAME_BLANK'], ['ENV --x a=b', 'FLAG_UNKNOWN', /ENV takes no flags/],
    ['LABEL', 'ARGUMENT_COUNT'], ['ARG', 'ARGUMENT_COUNT'], ['ARG =a', 'NAME_BLANK'], ['WORKDIR', 'ARGUMENT_COUNT'], ['USER', 'ARGUMENT_COUNT'], ['STOPSIGNAL', 'ARGUMENT_COUNT'],
    ['MAINTAINER', 'ARGUMENT_COUNT'], ['EXPOSE', 'ARGUMENT_COUNT'], ['VOLUME', 'ARGUMENT_COUNT'], ['VOLUME []', 'ARGUMENT_COUNT'], ['VOLUME [""]', 'VOLUME_EMPTY'],
    ['SHELL', 'ARGUMENT_COUNT'], ['SHELL []', 'ARGUMENT_COUNT'], ['SHELL sh -c', 'SHELL_JSON'], ['CMD --x a', 'FLAG_UNKNOWN'], ['ENTRYPOINT [1]', 'JSON_FORM_STRINGS'],
    ['HEALTHCHECK', 'ARGUMENT_COUNT'], ['HEALTHCHECK NONE x', 'HEALTHCHECK_NONE'], ['HEALTHCHECK CMD', 'HEALTHCHECK_COMMAND'], ['HEALTHCHECK CMD []', 'HEALTHCHECK_COMMAND'],
    ['HEALTHCHECK x', 'HEALTHCHECK_TYPE'], ['HEALTHCHECK --interval=1 CMD x', 'DURATION'], ['HEALTHCHECK --interval=1us CMD x', 'HEALTHCHECK_INTERVAL'],
    ['HEALTHCHECK --timeout=-1s CMD x', 'HEALTHCHECK_INTERVAL'], ['HEALTHCHECK --retries=-1 CMD x', 'HEALTHCHECK_RETRIES'], ['HEALTHCHECK --retries=x CMD x', 'HEALTHCHECK_RETRIES'],
    ['HEALTHCHECK --retries=9999999999 CMD x', 'HEALTHCHECK_RETRIES'], ['HEALTHCHECK --interval=1s --interval=1s CMD x', 'FLAG_DUPLICATE'],
    ['ONBUILD', 'ARGUMENT_COUNT'], ['ONBUILD ONBUILD RUN a', 'ONBUILD_TRIGGER'], ['ONBUILD from a', 'ONBUILD_TRIGGER'], ['ONBUILD MAINTAINER a', 'ONBUILD_TRIGGER'],
    ['ONBUILD --x RUN a', 'FLAG_UNKNOWN'], ['ONBUILD COPY a', 'ARGUMENT_COUNT'], ['ONBUILD NOPE', 'INSTRUCTION_UNKNOWN'],
    ['RUN <<E', 'HEREDOC_UNTERMINATED', /"E"/], ['RUN echo $((1 << 2))', 'HEREDOC_UNTERMINATED'], ['ONBUILD RUN <<E', 'HEREDOC_UNTERMINATED'],
  ];
  for (const [line, code, hint] of table) refuseLine(line, code, hint);
});

test('parseDockerfile refuses a here-document as destination', () => {
  refuse('FROM a\nCOPY a <<E\nx\nE\n', 'COPY_HEREDOC', [2, 4]);
});

test('errors of the line reader come before those of single instructions, as in BuildKit', () => {
  refuse('FROM a b\nENV x\n', 'PAIR_INCOMPLETE', [2, 2]);
});
