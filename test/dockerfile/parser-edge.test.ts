/** The 85 edge cases against what BuildKit's own parser makes of them (fixtures/parser-edge/README.md). */
import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TsbuildError } from '../../src/base/errors.ts';
import { describeLines, parseDocument, type InstructionDocument } from '../../src/dockerfile/parse-document.ts';
import { parseLines } from '../../src/dockerfile/parse-lines.ts';
import { runProcess } from '../support/run-process.ts';
import { program } from '../support/tsbuild.ts';

const folder = new URL('../../fixtures/parser-edge/', import.meta.url);

interface TrueHeredoc { Name: string; FileDescriptor: number; Expand: boolean; Chomp: boolean; Content: string }
interface TrueNode {
  Cmd: string; Flags: string[] | null; Args: string[] | null; JSON: boolean; Start: number; End: number;
  Comments: string[] | null; Heredocs: TrueHeredoc[] | null; Sub: TrueNode | null; Orig: string;
}
interface TrueFile { File: string; Err: string; Esc: string; Nodes: TrueNode[] | null; Warn: string[] | null }

const truth = JSON.parse(readFileSync(new URL('truth.json', folder), 'utf8')) as TrueFile[];

/** BuildKit's node as `tsbuild parse --json` prints it; what stands under ONBUILD has the lines of the ONBUILD. */
function expectedNode(node: TrueNode, lines: TrueNode = node): InstructionDocument {
  return {
    name: node.Cmd.toUpperCase(), flags: node.Flags ?? [], words: node.Args ?? [], json: node.JSON, start: lines.Start, end: lines.End,
    heredocs: (node.Heredocs ?? []).map(({ Name, Content, Expand, Chomp }) => ({ name: Name, content: Content, expand: Expand, chomp: Chomp })),
    ...(node.Sub === null ? {} : { trigger: expectedNode(node.Sub, lines) }),
  };
}

function bytesOf(name: string): Buffer {
  return readFileSync(new URL(`dockerfiles/${name}`, folder));
}

/** The document without what the truth does not say: the values of directives. */
function describe(name: string): object {
  try {
    const { escape, instructions, warnings } = describeLines(parseLines(bytesOf(name), name));
    return { error: '', escape, warnings: warnings.map(({ message }) => message), instructions };
  } catch (error) {
    assert.ok(error instanceof TsbuildError);
    assert.deepEqual([error.errorClass, error.position?.file], ['usage', name]);
    return { error: error.message, escape: '', warnings: [], instructions: [] };
  }
}

test('there are 85 edge cases, and each file has one', () => {
  assert.equal(truth.length, 85);
  assert.deepEqual(truth.map(({ File }) => File).sort(), readdirSync(new URL('dockerfiles/', folder)).sort());
});

for (const file of truth) {
  test(`tsbuild parse reads ${file.File} as BuildKit does`, () => {
    const instructions = (file.Nodes ?? []).map((node) => expectedNode(node));
    assert.deepEqual(describe(file.File), { error: file.Err, escape: file.Esc, warnings: file.Warn ?? [], instructions });
  });

  test(`the parser keeps joined lines, comments and descriptors of ${file.File}`, () => {
    if (file.Err !== '') return assert.throws(() => parseLines(bytesOf(file.File), 'f'), { message: file.Err });
    const actual = parseLines(bytesOf(file.File), 'f').instructions.map(({ line, comments, heredocs }) => [line, comments, heredocs.map((heredoc) => heredoc.fileDescriptor)]);
    assert.deepEqual(actual, (file.Nodes ?? []).map(({ Orig, Comments, Heredocs }) => [Orig, Comments ?? [], (Heredocs ?? []).map((heredoc) => heredoc.FileDescriptor)]));
  });
}

/** What BuildKit's parser takes and its reading of instructions refuses; the truth is that of the parser alone. */
const refusedLater: Readonly<Record<string, string>> = {
  'double-dash-run-first': 'FLAG_UNKNOWN', 'from-comment': 'FROM_ARGUMENTS', 'heredoc-backslash-in-body': 'INSTRUCTION_UNKNOWN', 'instr-unknown': 'INSTRUCTION_UNKNOWN',
};

test('what the instructions of the edge cases are refused for is known', () => {
  const refused: Record<string, string> = {};
  for (const { File, Err } of truth) {
    try {
      parseDocument(bytesOf(File), File);
    } catch (error) {
      assert.ok(error instanceof TsbuildError);
      if (Err === '') refused[File] = error.code;
    }
  }
  assert.deepEqual(refused, refusedLater);
});

test('the command line prints the same document', async () => {
  for (const name of ['onbuild', 'dir-three', 'heredoc-two', 'label-multi']) {
    const path = fileURLToPath(new URL(`dockerfiles/${name}`, folder));
    const { exitCode, stdout } = await runProcess(process.execPath, [program, 'parse', '--json', path], { cwd: '/', env: {} });
    assert.equal(exitCode, 0);
    assert.deepEqual(JSON.parse(stdout), parseDocument(bytesOf(name), name));
  }
});
