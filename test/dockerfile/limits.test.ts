/** Hostile input: nothing but TsbuildError is thrown, and time grows with the size, not with its square. */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { executedBlocks } from '../support/executed.ts';
import { TsbuildError } from '../../src/base/errors.ts';
import { lineSizeMax } from '../../src/dockerfile/lines.ts';
import { parseDockerfile } from '../../src/dockerfile/parse.ts';
import { assertProperty } from '../support/property.ts';

/** The code of the refusal, or `ok`. */
function outcome(source: Uint8Array | string): string {
  try {
    parseDockerfile(source, 'f');
    return 'ok';
  } catch (error) {
    assert.ok(error instanceof TsbuildError, String(error));
    assert.equal(error.errorClass, 'usage');
    assert.equal(error.position?.file, 'f');
    return error.code;
  }
}

test('a line may have 65535 bytes and no more', () => {
  const fill = (size: number): string => 'x'.repeat(size - 'RUN '.length);
  assert.equal(outcome(`FROM a\nRUN ${fill(lineSizeMax)}\n`), 'ok');
  assert.equal(outcome(`FROM a\nRUN ${fill(lineSizeMax)}`), 'ok');
  assert.equal(outcome(`FROM a\nRUN ${fill(lineSizeMax + 1)}\n`), 'DOCKERFILE_LINE_TOO_LONG');
  assert.equal(outcome(`FROM a\nRUN <<E\n${fill(lineSizeMax + 5)}\nE\n`), 'DOCKERFILE_LINE_TOO_LONG');
  assert.equal(outcome(`FROM a\n# ${'é'.repeat(lineSizeMax / 2)}\n`), 'DOCKERFILE_LINE_TOO_LONG');
  assert.equal(outcome(`FROM a\n# ${'€'.repeat(lineSizeMax / 3 - 1)}\n`), 'ok');
});

test('the length of a line is that of its bytes, also where they are not UTF-8', () => {
  const latin1 = (size: number): Buffer => Buffer.concat([Buffer.from('FROM a\n# '), Buffer.alloc(size - 2, 0xe9), Buffer.from('\nRUN b\n')]);
  assert.equal(outcome(latin1(lineSizeMax)), 'ok');
  assert.equal(outcome(latin1(lineSizeMax + 1)), 'DOCKERFILE_LINE_TOO_LONG');
});

/** Half of it is needed at most: a pass over a file takes a few blocks a character, whatever its size. */
const blocksPerCharacterMax = 40;

test('files that are made to take long do not', () => {
  const big = 400_000;
  const table: readonly (readonly [name: string, source: string, expected: string])[] = [
    ['a line of 15 MB', `FROM a\nRUN ${'x'.repeat(15_000_000)}`, 'DOCKERFILE_LINE_TOO_LONG'],
    ['a file of 20 MB', 'x'.repeat(20_000_000), 'DOCKERFILE_TOO_LARGE'],
    ['continuations', `FROM a\nRUN a ${'\\\n b '.repeat(big)}`, 'ok'],
    ['continuations with <<', `FROM a\nRUN "<<" ${'\\\n b '.repeat(big)}`, 'ok'],
    ['empty continuations', `FROM a\nRUN a \\\n${'\n'.repeat(big)}`, 'ok'],
    ['instructions', `FROM a\n${'RUN b\n'.repeat(50_000)}`, 'ok'],
    ['comments', `${'# c\n'.repeat(big)}FROM a`, 'ok'],
    ['a long here-document', `FROM a\nRUN <<E\n${'x\n'.repeat(big)}E`, 'ok'],
    ['many here-documents', `FROM a\nRUN ${'<<E '.repeat(10_000)}\n${'E\n'.repeat(10_000)}`, 'ok'],
    ['flags', `FROM a\nCOPY ${'--exclude=x \\\n'.repeat(50_000)} a b`, 'ok'],
    ['pairs', `FROM a\nENV ${'a=b \\\n'.repeat(50_000)}`, 'ok'],
    ['blanks', `FROM a\nENV a=b${' '.repeat(60_000)}c=d`, 'ok'],
    ['blanks before a continuation', `FROM a\nRUN ${`${' '.repeat(1000)}\\\n`.repeat(10_000)}`, 'ok'],
    ['blanks in a directive', `# syntax=a${' '.repeat(60_000)}b\nFROM a`, 'ok'],
    ['nested JSON', `FROM a\nRUN ${'[ \\\n'.repeat(big)}`, 'ok'],
    ['nested ONBUILD', `FROM a\n${'ONBUILD \\\n'.repeat(big)}`, 'ONBUILD_TRIGGER'],
    ['nested substitutions', `FROM a\nRUN << ${'${a:-'.repeat(10_000)}`, 'WORD_NESTING'],
    ['quotes', `FROM a\nENV a=${'"x'.repeat(30_000)}`, 'ok'],
    ['a delimiter of blanks', `FROM a\nRUN ${'<< '.repeat(20_000)}`, 'ok'],
    ['mounts', `FROM a\nRUN --mount=${'a=b,'.repeat(15_000)} x`, 'ok'],
    ['a quoted mount', `FROM a\nRUN --mount='"${`${'x""'.repeat(1000)}\\\n`.repeat(3000)}' x`, 'CSV'],
    ['a long name', `FROM a\nRUN << $${`${'a'.repeat(1000)}\\\n`.repeat(8000)}`, 'HEREDOC_UNTERMINATED'],
    ['an unknown instruction', `${'X'.repeat(60_000)}`, 'INSTRUCTION_UNKNOWN'],
    ['a duration', `FROM a\nHEALTHCHECK --interval=${'1h'.repeat(30_000)} CMD x`, 'DURATION'],
  ];
  for (const [name, source, expected] of table) {
    const blocks = executedBlocks(() => assert.equal(outcome(source), expected, name));
    assert.ok(blocks < blocksPerCharacterMax * source.length + 1000, `${name}: ${blocks} blocks for ${source.length} characters`);
  }
});

const piece = fc.oneof(
  fc.constantFrom(
    'FROM a\n', 'FROM a AS b\n', 'RUN ', 'COPY ', 'ADD ', 'ENV ', 'ARG ', 'LABEL ', 'ONBUILD ', 'HEALTHCHECK ', 'SHELL ', 'CMD ', 'VOLUME ', 'EXPOSE ', 'ENTRYPOINT ',
    '# escape=`\n', '# syntax=x\n', '#', '\\\n', '`\n', '\n', '\r\n', ' ', '\t', '--mount=', '--from=', '--link ', '-- ', '"', "'", '\\', '[', ']', '["a"]', ',', '=', 'a', 'b=c ',
    '<<EOF ', '<<-"E" ', 'EOF\n', 'E\n', '$', '${', '}', ':-', '\ufeff', '\u0000', '\u2028', '\ud800', 'type=cache', 'CMD', 'NONE', '--interval=1s ', '__proto__',
  ),
  fc.string({ maxLength: 3 }),
);

test('parseDockerfile throws nothing but TsbuildError for text', () => {
  assertProperty(fc.property(fc.array(piece, { maxLength: 25 }), (pieces) => {
    outcome(pieces.join(''));
    outcome(`FROM a\n${pieces.join('')}`);
  }), { numRuns: 3000 });
});

test('parseDockerfile throws nothing but TsbuildError for bytes', () => {
  assertProperty(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    outcome(bytes);
    outcome(Buffer.concat([Buffer.from('FROM a\nRUN <<E\n'), bytes, Buffer.from('\nE\n')]));
  }), { numRuns: 500 });
});
