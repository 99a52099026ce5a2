import assert from 'node:assert/strict';
import { test } from 'node:test';
import { descriptionOf } from '../../../src/graph/describe/doc-comment.ts';
import { outlineOf, type Outline } from '../../../src/graph/describe/outline.ts';
import { targetsOf } from '../../../src/graph/describe/targets.ts';
import { parseDockerfile } from '../../../src/dockerfile/parse.ts';
import { inputOf, refused, type PlanOptions } from '../support.ts';

function outline(source: string, options: PlanOptions = {}): Outline {
  return outlineOf({ ...inputOf(source, options), images: new Map() });
}

/** `3 NAME=value: description` */
function argsOf(source: string, options: PlanOptions = {}): readonly string[] {
  return outline(source, options).args.map(({ name, value, description, position }) => `${position.startLine} ${name}=${value}${description === '' ? '' : `: ${description}`}`);
}

/** `3 secret npm!`, with `!` for what is required. */
function mountsOf(source: string, options: PlanOptions = {}): readonly string[] {
  return outline(source, options).mounts.map(({ kind, id, isRequired, position }) => `${position.startLine} ${kind} ${id}${isRequired ? '!' : ''}`);
}

test('descriptionOf takes the comment that starts with the name', () => {
  for (const [name, comments, expected] of [
    ['a', ['a what it is'], 'what it is'], ['a', ['b other', 'a first', 'a second', 'check=skip=X'], 'first'], ['a', ['ab what'], ''], ['a', ['a'], ''], ['a', [], ''],
  ] as const) assert.equal(descriptionOf(name, comments), expected);
});

test('the outline of a target names it, its description and its arguments with defaults', () => {
  const source = '# VERSION of the base\nARG VERSION=3 UNUSED=1\n# app the program\n# and more\nFROM alpine:$VERSION AS app\n# NAME who\nARG NAME=${VERSION}x EMPTY\nARG OTHER=$NAME\n';
  assert.deepEqual([outline(source).name, outline(source).description], ['app', 'the program']);
  assert.deepEqual(argsOf(source), ['2 VERSION=3: of the base', '7 NAME=x: who', '7 EMPTY=', '8 OTHER=x']);
  assert.deepEqual(argsOf(source, { args: { NAME: 'me', VERSION: '4' } }), ['2 VERSION=4: of the base', '7 NAME=me: who', '7 EMPTY=', '8 OTHER=me']);
});

test('an ARG that imports a global one is the global one, with what it is made from', () => {
  const source = '# A first\nARG A=1\nARG B=$A C=$B\nFROM scratch\n# C not here\nARG C\nARG TARGETARCH\n';
  assert.deepEqual(argsOf(source), ['2 A=1: first', '3 C=1', '3 B=1']);
  assert.deepEqual(argsOf(source, { args: { C: '9' } }), ['3 C=9']);
});

test('an ARG that is made from an earlier one of its name is made from what that one was (BuildKit, testOutlineRecursiveArgs)', () => {
  const source = 'ARG A=1\nARG B=2\nARG UNUSED=3\nARG A=$A$B\nARG C=${A}c\nARG A=${A}a$C\nFROM scratch\nARG A\nARG IN=1\nARG TWO=${IN}2\nARG IN=$IN$TWO\n';
  assert.deepEqual(argsOf(source), ['2 B=2', '5 C=12c', '6 A=12a12c', '10 TWO=12', '11 IN=112']);
});

test('the outline holds what the stages below and beside the target can be given, and nothing of others', () => {
  const source = `ARG TAG=1
FROM base:$TAG AS base
ARG below=1
RUN --mount=type=secret,id=npm --mount=type=secret,id=npm,required=true x
FROM scratch AS tools
ARG beside=1 below=2
RUN --mount=type=ssh,required=true --mount=type=cache,target=/c/\${beside} x
FROM scratch AS other
ARG hidden=1
FROM base
ARG own=1
RUN --mount=type=cache,id=own,target=/x --mount=type=bind,target=/y x
COPY --from=tools /a /b
`;
  assert.deepEqual(argsOf(source), ['1 TAG=1', '3 below=1', '6 beside=1', '11 own=1']);
  assert.deepEqual(mountsOf(source), ['4 secret npm', '7 ssh default!', '7 cache /c/1', '12 cache own']);
  assert.deepEqual(argsOf(source, { target: 'other' }), ['9 hidden=1']);
  assert.deepEqual(mountsOf(source, { target: 'other' }), []);
});

test('the outline of what cannot be planned is refused with its place', () => {
  assert.throws(() => outline('FROM scratch\n', { target: 'x' }), { code: 'TARGET_NOT_FOUND' });
  refused('FROM scratch\nRUN --mount=type=cache x\n', 'MOUNT_TARGET', [2, 2]);
  assert.throws(() => outline('FROM scratch\nRUN --mount=type=cache,id=${ x\n'), { code: 'WORD_UNCLOSED' });
});

test('targets are all stages, with the last one as the default', () => {
  const targets = targetsOf(parseDockerfile('# build makes it\nFROM golang:1 AS build\nFROM --platform=$BUILDPLATFORM scratch\n# none is a name\nFROM build AS Last\n', 'f'));
  assert.deepEqual(targets.map(({ position, ...rest }) => ({ ...rest, line: position.startLine })), [
    { name: 'build', description: 'makes it', isDefault: false, base: 'golang:1', platform: null, line: 2 },
    { name: null, description: '', isDefault: false, base: 'scratch', platform: '$BUILDPLATFORM', line: 3 },
    { name: 'last', description: '', isDefault: true, base: 'build', platform: null, line: 5 },
  ]);
});
