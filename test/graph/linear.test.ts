/**
 * What reading, planning, checking and describing cost, in executed blocks at two sizes of one shape of file: twice the
 * file is twice the work. What must cost more than that is refused at a limit that the error names.
 */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { executedBlocks } from '../support/executed.ts';
import { TsbuildError } from '../../src/base/errors.ts';
import { formatCheckJson } from '../../src/cli/call/check-json.ts';
import { parseDocument } from '../../src/dockerfile/parse-document.ts';
import { outlineOf } from '../../src/graph/describe/outline.ts';
import { triggerCountMax } from '../../src/graph/reachable.ts';
import { resultOf } from './check/support.ts';
import { graphOf, inputOf, refused } from './support.ts';

type Shape = readonly [name: string, make: (count: number) => string];

function repeat(count: number, make: (index: number) => string, separator = '\n'): string {
  return Array.from({ length: count }, (_, index) => make(index)).join(separator);
}

/** The pieces on lines of one instruction. */
const continued = (count: number, make: (index: number) => string): string => repeat(count, make, ' \\\n');

const lexing: readonly Shape[] = [
  ['a long line', (n) => `FROM a\nRUN ${'x'.repeat(n * 10)}`],
  ['a long comment', (n) => `# ${'x'.repeat(n * 10)}\nFROM a`],
  ['continuations', (n) => `FROM a\nRUN a ${continued(n, () => 'b')}`],
  ['empty continuations', (n) => `FROM a\nRUN a \\\n${'\n'.repeat(n)} b`],
  ['comments between continuations', (n) => `FROM a\nRUN a \\\n${'# c\n'.repeat(n)} b`],
  ['instructions with an empty continuation', (n) => `FROM a\n${repeat(n, () => 'RUN a \\\n\n b')}`],
  ['comments', (n) => `${'# c\n'.repeat(n)}FROM a`],
  ['comments that switch rules off', (n) => `FROM a\n${repeat(n, () => '# check=skip=JSONArgsRecommended\nCMD x')}`],
  ['here-documents of one line', (n) => `FROM a\nRUN ${continued(n, () => '<<E')}\n${repeat(n, () => 'E')}\n`],
  ['here-documents of many lines', (n) => `FROM a\n${repeat(n, (i) => `COPY <<E /f${i}\n$A\nE`)}`],
  ['a long here-document', (n) => `FROM a\nCOPY <<-E /x\n${'\t$x "y"\n'.repeat(n)}E`],
  ['instructions', (n) => `FROM a\n${'RUN b\n'.repeat(n)}`],
  ['nested ONBUILD', (n) => `FROM a\n${'ONBUILD \\\n'.repeat(n)}`],
  ['flags', (n) => `FROM a\nCOPY ${continued(n, (i) => `--exclude=x${i}`)} a b`],
  ['mounts', (n) => `FROM a\nRUN ${continued(n, (i) => `--mount=type=cache,target=/c${i}`)} a`],
  ['keys of a mount', (n) => `FROM a\nRUN --mount=type=cache,target=/x,${repeat(n, () => 'id=x', ',')} y`],
  ['a quoted mount', (n) => `FROM a\nRUN --mount='type=cache,"target=${'x""'.repeat(n)}"' y`],
  ['words of JSON', (n) => `FROM a\nRUN [${continued(n, () => '"x",')} "y"]`],
  ['nested JSON', (n) => `FROM a\nRUN ${'[ \\\n'.repeat(n)}`],
  ['bytes that are not UTF-8', (n) => `FROM a\n${'RUN \udc80\n'.repeat(n)}`],
  ['a long instruction', (n) => `FROM a\n${'X'.repeat(n)}`],
  ['a long flag', (n) => `FROM a\nCOPY --${'x'.repeat(n)} a b`],
  ['a long key of a mount', (n) => `FROM a\nRUN --mount=${'x'.repeat(n)} a`],
  ['a long duration', (n) => `FROM a\nHEALTHCHECK --interval=${'1h'.repeat(n)} CMD x`],
  ['redirections', (n) => `FROM a\nRUN ${'<< '.repeat(n)}${'<'.repeat(n)}`],
];

const words: readonly Shape[] = [
  ['substitutions', (n) => `FROM a\nENV x=${'${a:-b}'.repeat(n)}`],
  ['a hundred substitutions in each other, many times', (n) => `FROM a\nLABEL ${continued(n / 10, () => `x=${'${a:-'.repeat(90)}y${'}'.repeat(90)}`)}`],
  ['a long operand in many substitutions', (n) => `FROM a\nENV x=${'${a:-'.repeat(90)}${'y'.repeat(n)}${'}'.repeat(90)}`],
  ['more substitutions in each other than are read', (n) => `FROM a\nENV x=${'${a:-'.repeat(n)}${'}'.repeat(n)}`],
  ['replacements', (n) => `FROM a\nENV a=${'ab'.repeat(n)}\nENV b=\${a//a/cc}`],
  ['patterns', (n) => `FROM a\nENV a=${'ab'.repeat(n)}\nENV b=\${a##*a}`],
  ['a long quoted word', (n) => `FROM a\nENV a="${'x y '.repeat(n)}"`],
  ['quoted words', (n) => `FROM a\nENV ${continued(n, (i) => `a${i}="x 'y' z"`)}`],
  ['an open quote', (n) => `FROM a\nENV a=${'"x'.repeat(n)}`],
  ['escapes', (n) => `FROM a\nENV a=${'\\\\'.repeat(n)}`],
  ['variables without a value', (n) => `FROM a\nLABEL x=${repeat(n, (i) => `\${u${i}:-x}`, '')}`],
  ['variables without a value in a here-document', (n) => `FROM a\nCOPY <<E /x\n${repeat(n, (i) => `$u${i}`)}\nE\n`],
];

const instructions: readonly Shape[] = [
  ['labels', (n) => `FROM a\nLABEL ${continued(n, (i) => `l${i}=v`)}`],
  ['one label', (n) => `FROM a\nLABEL ${continued(n, () => 'l=v')}`],
  ['labels on lines of their own', (n) => `FROM a\n${repeat(n, (i) => `LABEL l${i}=v`)}`],
  ['ENV that build on each other', (n) => `FROM a\n${repeat(n, (i) => `ENV e${i}=$e${i - 1}`)}`],
  ['ARG that build on each other', (n) => `FROM a\n${repeat(n, (i) => `ARG e${i}=$e${i - 1}`)}`],
  ['ARG that build on each other, two a line', (n) => `FROM a\n${repeat(n, (i) => `ARG e${i}=$e${i - 1} f${i}=$e${i}`)}`],
  ['global ARG that build on each other', (n) => `${repeat(n, (i) => `ARG e${i}=$e${i - 1}`)}\nFROM a`],
  ['ARG of one line', (n) => `FROM a\nARG ${continued(n, (i) => `e${i}=$e${i - 1}`)}`],
  ['ARG of one line with wrong names', (n) => `FROM a\nARG ${continued(n, (i) => `e${i}=$u${i}`)}`],
  ['ARG that sound like secrets', (n) => `FROM a\nARG ${continued(n, (i) => `PASSWORD_${i}=1`)}`],
  ['wrong names', (n) => `FROM a\n${repeat(n, (i) => `ENV a${i}=$u${i}`)}`],
  ['wrong names in FROM', (n) => `${repeat(n, (i) => `ARG Abcdefg${i}=1`)}\n${repeat(n, (i) => `FROM a$Abcdefh${i}`)}`],
  ['ARG and comments that may be about them', (n) => `${repeat(n, (i) => `# x${i} d`)}\nARG ${continued(n, (i) => `x${i}=1`)}\nFROM a`],
  ['findings and comments', (n) => `FROM a\n${repeat(n, (i) => `# x${i} d`)}\nENV ${continued(n, (i) => `x${i}=$u${i}`)}`],
  ['findings and rules that are off', (n) => `FROM a\n# check=skip=${'A,'.repeat(n)}B\nENV ${continued(n, (i) => `x${i}=$u${i}`)}`],
  ['triggers', (n) => `FROM a\n${repeat(n, (i) => `ONBUILD RUN ${i}`)}\nFROM b`],
  ['a long trigger', (n) => `FROM a\nONBUILD COPY <<E /x\n${'x\n'.repeat(n)}E`],
  ['ports', (n) => `FROM a\nEXPOSE ${continued(n, (i) => String(i))}`],
  ['volumes', (n) => `FROM a\nVOLUME ${continued(n, (i) => `/v${i}`)}`],
  ['sources', (n) => `FROM a\nCOPY ${continued(n, (i) => `a${i}`)} /x/`],
  ['directories', (n) => `FROM a\n${repeat(n, (i) => `WORKDIR ${i % 2 === 0 ? '..' : 'x'}`)}`],
  ['commands', (n) => `FROM a\n${repeat(n, () => 'CMD x')}`],
  ['keywords in both cases', (n) => `FROM a\n${repeat(n, (i) => (i % 2 === 0 ? 'run x' : 'RUN x'))}`],
];

const stages: readonly Shape[] = [
  ['stages', (n) => repeat(n, (i) => `# s${i} d\nFROM a AS s${i}`)],
  ['stages of one name', (n) => repeat(n, () => 'FROM a AS s')],
  ['stages on top of each other', (n) => repeat(n, (i) => `FROM ${i === 0 ? 'a' : `s${i - 1}`} AS s${i}\nARG X=${i}\nRUN x`)],
  ['stages that copy from the one before', (n) => repeat(n, (i) => `FROM a AS s${i}${i === 0 ? '' : `\nCOPY --from=s${i - 1} x y\nCOPY --from=s0 x y`}`)],
  ['stages that all read the last of a chain', (n) => `${repeat(n, (i) => `FROM a AS s${i}${i === 0 ? '' : `\nCOPY --from=s${i - 1} x y`}`)}\n${repeat(n, (i) => `FROM a AS t${i}\nCOPY --from=s${n - 1} x y`)}`],
  ['one stage that copies from all', (n) => `${repeat(n, (i) => `FROM a AS s${i}`)}\nFROM b\n${repeat(n, (i) => `COPY --from=s${i} x y`)}`],
  ['one stage that mounts all', (n) => `${repeat(n, (i) => `FROM a AS s${i}`)}\nFROM b\nRUN ${continued(n, (i) => `--mount=from=s${i},target=/x${i}`)} x`],
  ['stages with a platform', (n) => repeat(n, (i) => `FROM --platform=$BUILDPLATFORM a AS s${i}`)],
  ['global ARG and stages that declare them', (n) => `${repeat(n, (i) => `ARG g${i}=1`)}\n${repeat(n, (i) => `FROM a AS s${i}\nARG g${i}\nENV x=$q`)}`],
  ['triggers of each stage for the next one', (n) => repeat(n, (i) => `FROM ${i === 0 ? 'a' : `s${i - 1}`} AS s${i}\nONBUILD RUN x`)],
  ['stages on a base with triggers', (n) => `FROM a AS s\n${repeat(10, () => 'ONBUILD RUN x')}\n${repeat(n, (i) => `FROM s AS t${i}`)}`],
  ['secrets and ssh mounts', (n) => `FROM a\n${repeat(n, (i) => `RUN --mount=type=secret,id=i${i} --mount=type=ssh,id=j${i} x`)}`],
];

const kinds: Readonly<Record<string, (source: string) => unknown>> = {
  reading: (source) => parseDocument(source, 'f'),
  planning: (source) => graphOf(source),
  checking: (source) => {
    const { findings, error, isStrict } = resultOf(source);
    return formatCheckJson({ findings, error, isStrict, file: { name: 'f', path: 'f', text: source } }, error);
  },
  outlining: (source) => outlineOf({ ...inputOf(source), images: new Map() }),
};

/** The code of a refusal is not compared here: what is refused must not take long either. */
function cost(run: (source: string) => unknown, source: string): number {
  return executedBlocks(() => {
    try {
      run(source);
    } catch (error) {
      if (!(error instanceof TsbuildError)) throw error;
    }
  });
}

const count = 150;
/** Twice the work, and a little for what differs by size, as a digit more in each name does. */
const growthMax = 2.2;

for (const [group, shapes] of Object.entries({ lexing, words, instructions, stages })) {
  for (const [kind, run] of Object.entries(kinds)) {
    test(`twice the file is twice the work: ${kind}, ${group}`, () => {
      for (const [name, make] of shapes) {
        cost(run, make(20)); // what is done once is not counted
        const growth = cost(run, make(2 * count)) / cost(run, make(count));
        assert.ok(growth <= growthMax, `${name}: ${growth.toFixed(2)} times the work`);
      }
    });
  }
}

test('more triggers than a plan may have are refused before they are read', () => {
  const triggers = 1000;
  const source = `FROM scratch AS s\n${repeat(triggers, () => 'ONBUILD RUN x')}\n${repeat(triggerCountMax / triggers + 1, () => 'FROM s')}`;
  refused(`${source}\nFROM scratch\n${repeat(triggerCountMax / triggers + 1, (i) => `COPY --from=${i + 1} x y`)}`, 'PLAN_TOO_LARGE', [1102, 1102], { message: /more than 100000 ONBUILD triggers$/ });
});

test('thousands of findings in an instruction of thousands of lines are printed', () => {
  const source = `FROM a\nENV ${continued(4000, (i) => `x${i}=$u${i}`)}`;
  const { findings, error, isStrict } = resultOf(source);
  assert.equal(findings.length, 4000);
  const json = formatCheckJson({ findings, error, isStrict, file: { name: 'f', path: 'f', text: source } }, error);
  assert.ok(json.length < 4_000_000, `${json.length} characters`);
  assert.match(json, /"start": \{\s+"line": 2\s+\},\s+"end": \{\s+"line": 4001\s/);
});
