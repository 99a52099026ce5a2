import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { redacting } from '../../src/build/redact.ts';
import { assertProperty } from '../support/property.ts';

function redact(secrets: readonly (string | Uint8Array)[], chunks: readonly Buffer[]): Buffer {
  const redactor = redacting(secrets.map((secret) => Buffer.from(secret)))();
  return Buffer.concat([...chunks.map((chunk) => redactor.push(chunk)), redactor.finish()]);
}

/** The same however the text is cut: in two at each place, and byte by byte. */
function check(secrets: readonly string[], text: string, expected: string): void {
  const bytes = Buffer.from(text);
  for (let cut = 0; cut <= bytes.length; cut++) {
    assert.equal(redact(secrets, [bytes.subarray(0, cut), bytes.subarray(cut)]).toString(), expected, `cut at ${cut}`);
  }
  assert.equal(redact(secrets, Array.from(bytes, (byte) => Buffer.from([byte]))).toString(), expected, 'byte by byte');
}

test('a value is masked wherever it stands and wherever chunks are cut', () => {
  check(['hunter2'], 'hunter2', '***');
  check(['hunter2'], 'a hunter2 b hunter2hunter2 hunter', 'a *** b *** hunter');
  check(['hunter2'], 'hunthunter2 hhunter22', 'hunt*** h***2');
  check(['aab'], 'aab', 'aab'); // too short to be a secret
  check(['aaab'], 'aaaab aaaaab', 'a*** aa***');
  check(['grüße, welt'], '«grüße, welt»', '«***»');
});

test('values that begin or end within each other are masked together', () => {
  check(['token', 'token-and-more'], 'token token-and-more token-and', '*** *** ***-and');
  check(['abcdef', 'cdefgh'], 'abcdefgh abcdexcdefgh', '*** abcdex***');
  check(['abab'], 'abababx ababx', '***x ***x');
});

test('without the newline at its end, and line by line where it has several', () => {
  check(['hunter2\n'], 'x=hunter2;', 'x=***;');
  check(['  hunter2\r\n'], 'x=hunter2;', 'x=***;');
  const key = '-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\nshort\n9w0BAQEFAASCBKcw\n-----END KEY-----\n';
  check([key], key, '***\n***\nshort\n***\n***\n');
  check([key], 'cut -d: 9w0BAQEFAASCBKcw short', 'cut -d: *** short');
});

test('nothing is held back that cannot be the beginning of a value', () => {
  const redactor = redacting([Buffer.from('hunter2')])();
  assert.equal(redactor.push(Buffer.from('Password: ')).toString(), 'Password: ');
  assert.equal(redactor.push(Buffer.from('half of a hunt')).toString(), 'half of a ');
  assert.equal(redactor.push(Buffer.from('ing')).toString(), 'hunting');
});

test('without secrets bytes pass as they are', () => {
  const chunk = Buffer.from('x');
  assert.equal(redacting([])().push(chunk), chunk);
  assert.equal(redacting([Buffer.from('\n \n')])().push(chunk), chunk);
});

test('a long value is masked whole, and little of it is held back', () => {
  const secret = Buffer.from(Array.from({ length: 100_000 }, (_, index) => 33 + ((index * 7919 + (index >> 8) * 31) % 90)));
  const redactor = redacting([secret])();
  const shown: Buffer[] = [];
  for (let at = 0; at < secret.length; at += 1000) {
    shown.push(redactor.push(secret.subarray(at, at + 1000)));
  }
  assert.ok(Buffer.concat(shown).equals(Buffer.from('***')), `${Buffer.concat(shown).length} bytes shown`);
  assert.equal(redactor.finish().length, 0);
  const half = redacting([secret])();
  half.push(secret.subarray(0, 50_300));
  assert.ok(half.finish().length < 1024);
});

test('no cutting of any text lets a value through', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 4, maxLength: 7 });
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '-'), maxLength: 60 });
  assertProperty(fc.property(fc.array(letters, { minLength: 1, maxLength: 3 }), text, fc.array(fc.nat(60), { maxLength: 5 }), (secrets, input, cuts) => {
    const bytes = Buffer.from(input);
    const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
    const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
    const cut = redact(secrets, chunks).toString();
    assert.equal(cut, redact(secrets, [bytes]).toString());
    for (const secret of secrets) assert.ok(!cut.includes(secret), `${secret} in ${cut}`);
  }), { numRuns: 2000 });
});
