/** What is suspect by its name, its size, and the head of the file. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { largeFileSizeBytes, suspectDirectory, suspectFile, type SuspectKind } from '../../src/context/suspects.ts';

/** What of a path with this head and size would be told. */
function told(path: string, head: string, sizeBytes: number): readonly SuspectKind[] {
  const suspicions = suspectFile(path, { name: path.slice(path.lastIndexOf('/') + 1), type: 'file', sizeBytes });
  return suspicions.filter(({ proof }) => proof === null || proof.test(head)).map(({ kind }) => kind);
}

const files: readonly (readonly [path: string, head: string, expected: readonly SuspectKind[]])[] = [
  ['id_rsa', '', ['private-key']],
  ['a/.ssh/id_ed25519', '', ['private-key']],
  ['id_rsa.pub', '', []],
  ['a.pem', '-----BEGIN CERTIFICATE-----\n', []],
  ['a.pem', 'Bag Attributes\n-----BEGIN ENCRYPTED PRIVATE KEY-----\n', ['private-key']],
  ['a.key', '-----BEGIN OPENSSH PRIVATE KEY-----\n', ['private-key']],
  ['a.key', '-----BEGIN PRIVATE KEY-----\n', ['private-key']],
  ['a.key', '-----BEGIN PUBLIC KEY-----\n', []],
  ['a.txt', '-----BEGIN PRIVATE KEY-----\n', []],
  ['.env', '', ['credentials']],
  ['.env.example', '', []],
  ['a/.netrc', '', ['credentials']],
  ['.npmrc', 'registry=https://r/\n', []],
  ['.npmrc', '//r/:_authToken=x\n', ['credentials']],
  ['.aws/credentials', '', ['credentials']],
  ['a/.aws/credentials', '', ['credentials']],
  ['x.aws/credentials', '', []],
  ['.docker/config.json', '{"auths":{"r":{}},"credsStore":"x"}', []],
  ['.docker/config.json', '{"auths":{"r":{"auth":"eA=="}}}', ['credentials']],
  ['config.json', '{"auths":{"r":{"auth":"eA=="}}}', []],
];
for (const [path, head, expected] of files) {
  test(`${path} with ${JSON.stringify(head)}`, () => { assert.deepEqual(told(path, head, 1), expected); });
}

test('a file is very large from the limit on, whatever else it is', () => {
  assert.deepEqual(told('a', '', largeFileSizeBytes - 1), []);
  assert.deepEqual(told('a', '', largeFileSizeBytes), ['large-file']);
  assert.deepEqual(told('.env', '', largeFileSizeBytes), ['credentials', 'large-file']);
});

test('only regular files and directories are suspect', () => {
  assert.deepEqual(suspectFile('id_rsa', { name: 'id_rsa', type: 'symlink', sizeBytes: 1 }), []);
  assert.equal(suspectDirectory('git'), null);
});
