/** Digests and chains of them. */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { blobOfDiffID, chainIDOf, digestFromHex, digestOf, hexOf, isDigest, parseDigest, type DiffID } from '../../src/base/digest.ts';

const empty = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

test('digestOf is the sha256 of the bytes, or of the UTF-8 of a text', () => {
  assert.equal(digestOf(''), empty);
  assert.equal(digestOf('é'), digestOf(Buffer.from('é')));
  assert.equal(digestOf('abc'), 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

test('only whole sha256 digests in lower case are digests', () => {
  const hex = hexOf(digestOf(''));
  assert.equal(digestFromHex(hex), empty);
  for (const text of [`sha256:${hex.toUpperCase()}`, `sha512:${hex}`, hex, `sha256:${hex}0`, `sha256:${hex.slice(1)}`, `${empty}\n`, ` ${empty}`, '', 'sha256:']) {
    assert.equal(isDigest(text), false, text);
    assert.throws(() => parseDigest(text, 'layer'), { code: 'DIGEST_INVALID', exitCode: 4 }, text);
  }
  for (const value of [undefined, null, 5, {}, [empty]]) assert.throws(() => parseDigest(value, 'layer'), { code: 'DIGEST_INVALID' });
  assert.throws(() => digestFromHex('x'), { code: 'DIGEST_INVALID' });
  assert.ok(isDigest(empty));
  assert.equal(parseDigest(empty, 'layer'), empty);
});

test('OCI config.md: the chainID of a stack of layers', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((text) => digestOf<DiffID>(text)) as [DiffID, DiffID, DiffID];
  assert.equal(chainIDOf([]), null);
  assert.equal(chainIDOf([a]), a);
  assert.equal(chainIDOf([a, b]), digestOf(`${a} ${b}`));
  assert.equal(chainIDOf([a, b, c]), digestOf(`${digestOf(`${a} ${b}`)} ${c}`));
  assert.notEqual(chainIDOf([b, a]), chainIDOf([a, b]));
  assert.equal(blobOfDiffID(a), a);
});
