import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { familiarName, formatReference, isReference, parseReference, withDefaultTag } from '../../src/image/reference.ts';
import { assertProperty } from '../support/property.ts';

const hex = 'a'.repeat(64);

/** [written, full name, familiar name], after distribution/reference's own table. */
const names: readonly (readonly [string, string, string])[] = [
  ['busybox', 'docker.io/library/busybox', 'busybox'],
  ['busybox:1.36', 'docker.io/library/busybox:1.36', 'busybox:1.36'],
  ['library/busybox', 'docker.io/library/busybox', 'busybox'],
  ['docker.io/busybox', 'docker.io/library/busybox', 'busybox'],
  ['index.docker.io/busybox', 'docker.io/library/busybox', 'busybox'],
  ['index.docker.io/user/app', 'docker.io/user/app', 'user/app'],
  ['docker.io/library/a/b', 'docker.io/library/a/b', 'library/a/b'],
  ['user/app', 'docker.io/user/app', 'user/app'],
  ['localhost/app', 'localhost/app', 'localhost/app'],
  ['localhost:5000/app:v1', 'localhost:5000/app:v1', 'localhost:5000/app:v1'],
  ['127.0.0.1:5000/a/b', '127.0.0.1:5000/a/b', '127.0.0.1:5000/a/b'],
  ['[::1]:5000/app', '[::1]:5000/app', '[::1]:5000/app'],
  ['quay.io/user/app', 'quay.io/user/app', 'quay.io/user/app'],
  ['Upper/app', 'Upper/app', 'Upper/app'],
  ['test:5000/app', 'test:5000/app', 'test:5000/app'],
  ['localhost', 'docker.io/library/localhost', 'localhost'],
  ['a.b', 'docker.io/library/a.b', 'a.b'],
  ['a__b-c--d.e', 'docker.io/library/a__b-c--d.e', 'a__b-c--d.e'],
  [`busybox@sha256:${hex}`, `docker.io/library/busybox@sha256:${hex}`, `busybox@sha256:${hex}`],
  [`busybox:1@sha256:${hex}`, `docker.io/library/busybox:1@sha256:${hex}`, `busybox:1@sha256:${hex}`],
  [`busybox:${'t'.repeat(128)}`, `docker.io/library/busybox:${'t'.repeat(128)}`, `busybox:${'t'.repeat(128)}`],
];
for (const [written, full, familiar] of names) {
  test(`parseReference reads ${written.slice(0, 60)}`, () => {
    const reference = parseReference(written);
    assert.equal(formatReference(reference), full);
    assert.equal(familiarName(reference), familiar);
  });
}

const refused = [
  '', ' ', 'Busybox', 'a/Busybox', 'busybox:', ':tag', '@', 'a//b', '/a', 'a/', '-a', 'a-', 'a..b', 'a___b', 'a._b',
  'a:-t', `a:${'t'.repeat(129)}`, 'a@sha256:abc', `a@sha512:${'a'.repeat(128)}`, `a@sha256:${'A'.repeat(64)}`, `a@sha256:../../${'a'.repeat(58)}`,
  hex, 'localhost:99999/a', 'host:port/a', 'ex_ample.com/a', '-x.com/a', 'a b', 'a\nb', 'a:b:c', 'a'.repeat(256), `${'a/'.repeat(2000)}a`, 'https://quay.io/a', '..', '../a', 'a/../b', 'é', 'a\0b',
];
for (const text of refused) {
  test(`parseReference refuses ${JSON.stringify(text.slice(0, 60))}`, () => {
    assert.throws(() => parseReference(text), { code: 'REFERENCE_INVALID', errorClass: 'usage' });
    assert.equal(isReference(text), false);
  });
}

test('withDefaultTag adds latest only where nothing says which image', () => {
  assert.equal(formatReference(withDefaultTag(parseReference('a'))), 'docker.io/library/a:latest');
  assert.equal(formatReference(withDefaultTag(parseReference('a:1'))), 'docker.io/library/a:1');
  assert.equal(formatReference(withDefaultTag(parseReference(`a@sha256:${hex}`))), `docker.io/library/a@sha256:${hex}`);
});

const component = fc.stringMatching(/^[a-z0-9]{1,5}(?:(?:[._]|__|-{1,3})[a-z0-9]{1,5}){0,2}$/);
const registry = fc.oneof(fc.constantFrom('docker.io', 'localhost', 'localhost:5000', '[::1]:80'), fc.stringMatching(/^[a-z0-9]{1,5}\.[A-Za-z0-9]{1,5}(?::[1-9][0-9]{0,3})?$/));
const suffix = fc.oneof(fc.constant(''), fc.stringMatching(/^:[A-Za-z0-9_][A-Za-z0-9_.-]{0,9}$/), fc.stringMatching(/^@sha256:[0-9a-f]{64}$/));

test('parsing what was formatted, in full or familiar form, gives the same reference', () => {
  assertProperty(
    fc.property(registry, fc.array(component, { minLength: 1, maxLength: 4 }), suffix, (host, path, end) => {
      const reference = parseReference(`${host}/${path.join('/')}${end}`);
      assert.deepEqual(parseReference(formatReference(reference)), reference);
      assert.deepEqual(parseReference(familiarName(reference)), reference);
    }),
  );
});

test('parseReference accepts or refuses any text at once, and never with another error', () => {
  assertProperty(fc.property(fc.string({ maxLength: 3000, unit: 'binary' }), (text) => {
    const accepted = isReference(text);
    assert.equal(typeof accepted, 'boolean');
  }));
});
