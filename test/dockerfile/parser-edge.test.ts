/** The 85 edge cases against what BuildKit's own parser makes of them (fixtures/parser-edge/README.md). */
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import { parseLines, type RawInstruction } from '../../src/dockerfile/parse-lines.ts';
import type { Node } from '../../src/dockerfile/node.ts';

const folder = new URL('../../fixtures/parser-edge/', import.meta.url);

interface TrueNode {
  Cmd: string; Flags: string[] | null; Args: string[] | null; JSON: boolean; Start: number; End: number;
  Comments: string[] | null; Heredocs: object[] | null; Sub: TrueNode | null; Orig: string;
}
interface TrueFile { File: string; Err: string; Esc: string; Nodes: TrueNode[] | null; Warn: string[] | null }

const truth = JSON.parse(readFileSync(new URL('truth.json', folder), 'utf8')) as TrueFile[];

function expectedNode(node: TrueNode): object {
  return {
    name: node.Cmd.toUpperCase(), flags: node.Flags ?? [], words: node.Args ?? [], json: node.JSON, start: node.Start, end: node.End,
    heredocs: node.Heredocs ?? [], comments: node.Comments ?? [], line: node.Orig, trigger: node.Sub === null ? null : expectedNode(node.Sub),
  };
}

function actualNode(node: Node | RawInstruction): object {
  const place = 'start' in node ? node : { start: 0, end: 0, heredocs: [], comments: [] };
  const heredocs = place.heredocs.map(({ name, fileDescriptor, expand, chomp, content }) => (
    { Name: name, FileDescriptor: fileDescriptor, Expand: expand, Chomp: chomp, Content: content }));
  return {
    name: node.name, flags: node.flags, words: node.words, json: node.json, start: place.start, end: place.end,
    heredocs, comments: place.comments, line: node.line, trigger: node.trigger === undefined ? null : actualNode(node.trigger),
  };
}

function parseForTruth(name: string): object {
  try {
    const file = parseLines(readFileSync(new URL(`dockerfiles/${name}`, folder)), name);
    return { error: '', escape: file.escape, warnings: file.warnings.map(({ message }) => message), nodes: file.instructions.map(actualNode) };
  } catch (error) {
    assert.ok(error instanceof TsbuildError);
    assert.equal(error.position?.file, name);
    return { error: error.message, escape: '', warnings: [], nodes: [] };
  }
}

test('there are 85 edge cases', () => assert.equal(truth.length, 85));

for (const file of truth) {
  test(`parseLines reads ${file.File} as BuildKit does`, () => {
    const nodes = (file.Nodes ?? []).map(expectedNode);
    assert.deepEqual(parseForTruth(file.File), { error: file.Err, escape: file.Esc, warnings: file.Warn ?? [], nodes });
  });
}
