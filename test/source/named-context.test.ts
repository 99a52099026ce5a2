import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contextKey, parseNamedContext } from '../../src/source/named-context.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const values: readonly (readonly [string, object])[] = [
  ['.', { kind: 'directory', path: '.' }],
  ['/abs/dir', { kind: 'directory', path: '/abs/dir' }],
  ['docker-image://alpine:3', { kind: 'image', reference: 'alpine:3' }],
  ['oci-layout:///tmp/x', { kind: 'oci-layout', path: '/tmp/x' }],
  ['oci-layout://x:tag', { kind: 'oci-layout', path: 'x', tag: 'tag' }],
  [`oci-layout://./x:tag@${digest}`, { kind: 'oci-layout', path: './x', tag: 'tag', digest }],
  [`oci-layout://x@${digest}`, { kind: 'oci-layout', path: 'x', digest }],
  ['oci-layout:///a:b/c', { kind: 'oci-layout', path: '/a:b/c' }],
  ['https://github.com/a/b.git#main', { kind: 'remote', url: 'https://github.com/a/b.git#main' }],
  ['git@github.com:a/b.git', { kind: 'remote', url: 'git@github.com:a/b.git' }],
];
for (const [value, expected] of values) {
  test(`parseNamedContext reads ${value}`, () => assert.deepEqual(parseNamedContext(value), expected));
}

for (const value of ['', 'oci-layout://', 'oci-layout://x@sha256:../..', 'ftp://x', 'docker-image://', 'docker-image://Bad']) {
  test(`parseNamedContext refuses ${JSON.stringify(value)}`, () => assert.throws(() => parseNamedContext(value), { errorClass: 'usage' }));
}

test('names of one image have one key, and names of stages stay as they are', () => {
  const keys = ['busybox', 'busybox:latest', 'docker.io/library/busybox', 'index.docker.io/library/busybox:latest'].map(contextKey);
  assert.deepEqual(new Set(keys), new Set(['busybox']));
  assert.equal(contextKey('Not A Reference'), 'Not A Reference');
});

test('B3.6 B3.7 B3.8 what only other builders can resolve is refused with a hint: buckets, targets of a bake file, inputs of a frontend', () => {
  for (const value of ['target:app', 'input:app', 'gs://bucket/x', 's3://bucket/x', 'azblob://x']) {
    assert.throws(() => parseNamedContext(value), { code: 'NAMED_CONTEXT_INVALID', errorClass: 'usage', hint: /Use a directory/ }, value);
  }
});
