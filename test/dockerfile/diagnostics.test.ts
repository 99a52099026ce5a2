/**
 * dockerfile-ast gives columns, and is the second voice of a differential test: where it reads an edge case in another
 * way than we do stands in fixtures/parser-edge/disagreements.txt, for people to review.
 */
import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import { columnsTextSizeMax, findColumns, findColumnsAt } from '../../src/dockerfile/diagnostics.ts';
import { parseLines } from '../../src/dockerfile/parse-lines.ts';

const fixtures = new URL('../../fixtures/', import.meta.url);
const golden = new URL('parser-edge/disagreements.txt', fixtures);

test('findColumns tells where keywords, words and variables stand', () => {
  const [first, second] = findColumns('FROM a\nCOPY --from=b $x \\\n  /y\n');
  assert.equal(first?.keyword.text, 'FROM');
  assert.deepEqual(second?.keyword, { text: 'COPY', startLine: 2, startColumn: 1, endLine: 2, endColumn: 5 });
  assert.deepEqual(second.range, { startLine: 2, startColumn: 1, endLine: 3, endColumn: 5 });
  assert.deepEqual(second.words.map(({ text, startLine, startColumn, endColumn }) => [text, startLine, startColumn, endColumn]), [
    ['$x', 2, 15, 17], ['/y', 3, 3, 5],
  ]);
  assert.deepEqual(second.variables.map(({ text, startColumn }) => [text, startColumn]), [['x', 15]]);
});

test('findColumnsAt finds the instruction of a line', () => {
  assert.equal(findColumnsAt('FROM a\n\nRUN b', 3)?.keyword.text, 'RUN');
  assert.equal(findColumnsAt('FROM a\n\nRUN b', 2), undefined);
});

test('findColumns gives up on large files and ends on stages that go round in a circle', () => {
  assert.deepEqual(findColumns('#'.repeat(columnsTextSizeMax + 1)), []);
  assert.equal(findColumns('FROM b AS a\nRUN $x\nFROM a AS b\nRUN $x\nWORKDIR $x\n').length, 5);
});

/** One text for each instruction: its lines, keyword and words, blanks made one. */
function describe(start: number, end: number, name: string, words: readonly string[]): string {
  return `${start}-${end} ${name} ${words.join(' ')}`.replaceAll(/\s+/g, ' ').trim();
}

function ours(text: string): readonly string[] {
  try {
    return parseLines(text, 'f').instructions.map(({ name, start, end, words, trigger }) => {
      const own = name === 'ENV' || name === 'LABEL' ? joinPairs(words) : words;
      return describe(start, end, name, trigger === undefined ? own : [trigger.name, ...trigger.flags, ...(trigger.name === 'ENV' ? joinPairs(trigger.words) : trigger.words)]);
    });
  } catch (error) {
    assert.ok(error instanceof TsbuildError);
    return [`refused: ${error.message}`];
  }
}

function joinPairs(words: readonly string[]): readonly string[] {
  const pairs: string[] = [];
  for (let at = 0; at < words.length; at += 3) pairs.push(`${words[at]}${words[at + 2] === '=' ? '=' : ' '}${words[at + 1]}`);
  return pairs;
}

function theirs(text: string): readonly string[] {
  return findColumns(text).map(({ keyword, range, words }) => describe(range.startLine, range.endLine, keyword.text.toUpperCase(), words.map((word) => word.text)));
}

/** The instructions that only one of the two sees, cut to a width that can be read. */
function missing(from: readonly string[], other: readonly string[]): string {
  return from.filter((line) => !other.includes(line)).map((line) => `    ${line.slice(0, 160)}\n`).join('');
}

/** Every Dockerfile under fixtures/, by its path there. */
function fixtureFiles(): readonly string[] {
  const names = readdirSync(fixtures, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => /^parser-edge\/dockerfiles\/|(^|\/|\.)(Dockerfile|Containerfile)(\.|$)/.test(name) && statSync(new URL(name, fixtures)).isFile()).sort();
}

test('the disagreements with dockerfile-ast about all fixtures are the known ones', () => {
  const names = fixtureFiles();
  assert.ok(names.length > 90, `${names.length} files`);
  const report = names.flatMap((name) => {
    const text = readFileSync(new URL(name, fixtures), 'utf8');
    const [left, right] = [ours(text), theirs(text)];
    const shown = name.replace(/^parser-edge\/dockerfiles\//, '');
    return left.join('\n') === right.join('\n') ? [] : [`${shown}\n  tsbuild and BuildKit:\n${missing(left, right)}  dockerfile-ast:\n${missing(right, left)}`];
  });
  const header = 'Instructions, their lines and words, where dockerfile-ast sees others than we do. Ours decide. Blanks are shown as one.\nUPDATE_GOLDEN=1 npm test rewrites this file.\n\n';
  const actual = header + report.join('\n');
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, actual);
  assert.equal(actual, readFileSync(golden, 'utf8'));
});
