/** What the tests of the numbered points of the Dockerfile language share: short ways to read a text and to be refused. */
import assert from 'node:assert/strict';
import { TsbuildError } from '../../src/base/errors.ts';
import type { Instruction } from '../../src/dockerfile/instruction.ts';
import { parseDockerfile } from '../../src/dockerfile/parse.ts';
import { parseDocument, type InstructionDocument, type ParseDocument } from '../../src/dockerfile/parse-document.ts';
import { expandWord, type ExpandOptions } from '../../src/dockerfile/words.ts';

/** The document of a whole file. */
export function parse(source: string | Uint8Array): ParseDocument {
  return parseDocument(source, 'Dockerfile');
}

/** The instructions after `FROM a`, as the document shows them. */
export function documentsOf(body: string): readonly InstructionDocument[] {
  return parse(`FROM a\n${body}`).instructions.slice(1);
}

/** Words of the first instruction after `FROM a`. */
export function wordsOf(line: string): readonly string[] {
  return documentsOf(line)[0]?.words ?? [];
}

/** The first typed instruction after `FROM a`, without place, text and comments. */
export function read(body: string): Record<string, unknown> {
  const [instruction] = parseDockerfile(`FROM a\n${body}`, 'Dockerfile').stages[0]?.instructions ?? [];
  assert.ok(instruction !== undefined, body);
  return strip(instruction);
}

export function strip(instruction: Instruction): Record<string, unknown> {
  return Object.fromEntries(Object.entries(instruction).filter(([key]) => !['position', 'text', 'comments'].includes(key)));
}

/** Refuses the file with the code, and with words in message or hint. */
export function refuse(source: string | Uint8Array, code: string, says?: RegExp): void {
  assert.throws(() => { parseDockerfile(source, 'Dockerfile'); }, (error) => {
    assert.ok(error instanceof TsbuildError, String(error));
    assert.deepEqual([error.errorClass, error.code, error.position?.file], ['usage', code, 'Dockerfile'], String(source));
    if (says !== undefined) assert.match(`${error.message}\n${error.hint ?? ''}`, says);
    return true;
  });
}

/** Refuses a line after `FROM a`. */
export function refuseLine(line: string, code: string, says?: RegExp): void {
  refuse(`FROM a\n${line}\n`, code, says);
}

/** The word with variables substituted, or `!CODE`. */
export function expand(word: string, variables: Readonly<Record<string, string>>, escape: ExpandOptions['escape'] = '\\'): string {
  try {
    return expandWord(word, { lookup: (name) => (Object.hasOwn(variables, name) ? variables[name] : undefined), escape }).text;
  } catch (error) {
    assert.ok(error instanceof TsbuildError, String(error));
    return `!${error.code}`;
  }
}
