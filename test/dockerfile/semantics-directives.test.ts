/** Directives and comments: one test for each row of the reference's table A2. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { readDockerfileBytes } from '../../src/build/read-dockerfile.ts';
import { parseInvocation } from '../../src/cli/program.ts';
import { detectSyntax } from '../../src/dockerfile/directives.ts';
import { parseDockerfile } from '../../src/dockerfile/parse.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { parse, refuse } from './semantics-support.ts';

test('A2.1 # syntax= names a frontend, and is kept with all its words', () => {
  assert.deepEqual(parse('# syntax = docker/dockerfile:1 --x\nFROM a').directives, { syntax: 'docker/dockerfile:1 --x' });
  assert.deepEqual(detectSyntax('#SYNTAX=docker/dockerfile:1 --x\nFROM a'), { reference: 'docker/dockerfile:1', line: 1 });
});

test('A2.2 syntax is also found behind // and in JSON, and behind a #! line', () => {
  for (const text of ['// syntax=x\n', '{"syntax": "x", "a": []}', '#!/usr/bin/env a\n# syntax=x\n', '#!a\n// syntax=x\n', '#!a\n{"syntax":"x"}']) assert.equal(detectSyntax(text)?.reference, 'x', text);
  for (const text of ['  # syntax=x\n', '// a\n// syntax=x\n', '{"syntax": 1}', '{"a": {"syntax": "x"}}', '\n# syntax=x\n']) assert.equal(detectSyntax(text), undefined, text);
});

test('A2.3 # escape= takes a backslash or a backtick and nothing else', () => {
  for (const escape of ['\\', '`']) assert.equal(parse(`# Escape = ${escape}  \nFROM a`).escape, escape);
  assert.equal(parse('FROM a').escape, '\\');
  for (const value of ['x', '``', '"`"', '^']) refuse(`# escape=${value}\nFROM a`, 'DIRECTIVE_ESCAPE', /invalid escape token .*`/);
});

test('A2.4 # check= is kept for the checks, as it was written', () => {
  assert.deepEqual(parse('# check=skip=A,B;error=true;experimental=all\nFROM a').directives, { check: 'skip=A,B;error=true;experimental=all' });
});

test('A2.5 a check= comment above an instruction belongs to that instruction', () => {
  const [first, second] = parseDockerfile('FROM a\n\n# check=skip=Rule\nRUN b\nRUN c\n', 'f').stages[0]?.instructions ?? [];
  assert.deepEqual([first?.comments, second?.comments], [['check=skip=Rule'], []]);
});

test('A2.6 comments above FROM and ARG are kept as descriptions, up to an empty comment', () => {
  const { globalArgs, stages } = parseDockerfile('# x\n#\n# V the version\nARG V\n\n# base what all need\n# more\nFROM a AS base\n', 'f');
  assert.deepEqual([globalArgs[0]?.comments, stages[0]?.from.comments], [['V the version'], ['base what all need', 'more']]);
});

test('A2.7 one byte order mark goes, at the very beginning', () => {
  assert.deepEqual(parse('\ufeff# escape=`\nFROM a').escape, '`');
  assert.deepEqual(parse(Buffer.from('\ufeffFROM a')).instructions.length, 1);
  refuse('\ufeff\ufeffFROM a', 'INSTRUCTION_UNKNOWN');
  refuse('FROM a\n\ufeffRUN b', 'INSTRUCTION_UNKNOWN');
});

test('A2.8 without a Dockerfile, dockerfile is read', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'dockerfile'), 'FROM lower\n');
  const invocation = parseInvocation([folder], { env: {}, user: { uid: 0, workingDirectory: '/' }, version: '0', network: '', helpWidth: 80 });
  assert.ok(invocation.command === 'build');
  const options = { workingDirectory: '/', openStdin: () => Readable.from([]) };
  assert.equal((await readDockerfileBytes(invocation.request, options)).name, 'dockerfile');
  writeFileSync(join(folder, 'Dockerfile'), 'FROM upper\n');
  assert.equal((await readDockerfileBytes(invocation.request, options)).name, 'Dockerfile');
});
