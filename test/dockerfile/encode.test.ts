/** What the parser says of a file loses nothing: the file can be written from it, and reads as the same. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { TsbuildError } from '../../src/base/errors.ts';
import { describeLines, type InstructionDocument, type ParseDocument } from '../../src/dockerfile/parse-document.ts';
import { parseLines } from '../../src/dockerfile/parse-lines.ts';
import { assertProperty } from '../support/property.ts';
import { repository } from '../support/tsbuild.ts';
import { encodeDocument, meaningOf } from './encode-document.ts';
import { randomDockerfile } from './random-dockerfile.ts';

/** Null for a file that the parser refuses. */
function read(source: Uint8Array | string): ParseDocument | null {
  try {
    return describeLines(parseLines(source, 'f'));
  } catch (error) {
    assert.ok(error instanceof TsbuildError && error.errorClass === 'usage', String(error));
    return null;
  }
}

function check(source: Uint8Array | string): ParseDocument | null {
  const document = read(source);
  if (document === null) return null;
  const text = encodeDocument(document);
  const again = read(text);
  assert.ok(again !== null, `refused: ${JSON.stringify(text)}`);
  assert.deepEqual(meaningOf(again), meaningOf(document), JSON.stringify(text));
  assert.deepEqual(again.warnings, [], 'what is written from a document has nothing to warn of');
  return document;
}

test('every Dockerfile of the fixtures reads as the same when it is written again', () => {
  const folder = join(repository, 'fixtures');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => /(^|\/)Dockerfile$|^parser-edge\/dockerfiles\//.test(file));
  const refused = files.filter((file) => check(readFileSync(join(folder, file))) === null);
  assert.ok(files.length >= 91, `${files.length} files`);
  assert.deepEqual(refused.filter((file) => !file.startsWith('parser-edge/')), []);
  assert.ok(refused.length < 20, refused.join(' '));
});

const sources: readonly (readonly [name: string, source: string])[] = [
  ['two blanks before a here-document', 'COPY a\\  <<E /b\nx\nE\n'],
  ['two blanks before a here-document, and one in its name', 'COPY \\  <<"E F" /x\nE F\n'],
  ['gaps of both kinds', 'COPY a\\  <<A b\\ <<B <<\fC << D /x\nA\nD\n'],
  ['blanks that are no blanks of a here-document', 'COPY <<\fE /b\n'],
  ['a flag in quotes before a here-document', "# escape=`\nRUN --x='\"' cat <<E\nx\nE\n"],
  ['a flag with ${ in quotes before a here-document', "RUN --x='${' cat <<E\nx\nE\n"],
  ['an escape character at the end', 'RUN a\\\u00a0\nRUN b\n'],
  ['an open quote and a blank before an escape character at the end', 'ONBUILD ARG " \\ \u000b\nCOPY a\n'],
  ['two escape characters at the end', 'RUN a\\\\\nRUN b\n'],
  ['legacy ENV with a blank that is escaped', 'ENV a\\  b=c\n'],
  ['a name that ends in a blank', 'ONBUILD A\u0085 RUN x\nA\u0085 b\n'],
  ['a second byte order mark', '\ufeff\ufeffFROM a\n'],
  ['an operand that looks like a flag', 'RUN -- --x\nCOPY --link -- --a /b\nONBUILD -- --x\n'],
  ['a line of 200,000 characters', `RUN ${'abc# \\\n'.repeat(50_000)}`],
  ['a line of 100,000 characters of three bytes', `RUN ${'日本語 \\\n'.repeat(25_000)}`],
  ['JSON that grows by its escapes', `RUN ["${'\u0001'.repeat(2)}${'\\u0001'.repeat(5000)}"]\nCMD [${'"\\n", \\\n'.repeat(30_000)}"x"]\n`],
];

test('layouts that a document does not keep make no difference', () => {
  for (const [name, source] of sources) assert.ok(check(source) !== null, name);
});

test('property: random Dockerfiles read as the same when they are written again', () => {
  const seen = { files: 0, refused: 0, heredocs: 0, several: 0, flags: 0, json: 0, triggers: 0, triggersWithHeredocs: 0, legacy: 0, backtick: 0 };
  assertProperty(fc.property(randomDockerfile, (source) => {
    const document = check(source);
    seen.files += 1;
    if (document === null) seen.refused += 1;
    else count(document, seen);
  }), { numRuns: 3000 });
  assert.ok(seen.refused < seen.files / 4, JSON.stringify(seen));
  for (const [name, number] of Object.entries(seen)) assert.ok(number > 60 || name === 'refused', JSON.stringify(seen));
});

function count(document: ParseDocument, seen: Record<string, number>): void {
  const add = (name: string, list: readonly InstructionDocument[]): void => void (seen[name] = (seen[name] ?? 0) + list.length);
  const { instructions } = document;
  if (document.escape === '`') add('backtick', instructions.slice(0, 1));
  add('heredocs', instructions.filter(({ heredocs }) => heredocs.length > 0));
  add('several', instructions.filter(({ heredocs }) => heredocs.length > 1));
  add('flags', instructions.filter(({ flags }) => flags.length > 0));
  add('json', instructions.filter(({ json }) => json));
  add('triggers', instructions.filter(({ trigger }) => trigger !== undefined));
  add('triggersWithHeredocs', instructions.filter(({ trigger, heredocs }) => trigger !== undefined && heredocs.length > 0));
  add('legacy', instructions.filter(({ name, words }) => (name === 'ENV' || name === 'LABEL') && words[2] === ''));
}
