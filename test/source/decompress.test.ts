import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { collect } from '../registry/client.ts';
import { decompress } from '../../src/source/decompress.ts';

const text = Buffer.from(Array.from({ length: 700_000 }, (_, at) => ((at * at) >> 9) % 251));
const zstd = (input: Buffer, ...args: readonly string[]): Buffer => execFileSync('zstd', ['-q', '-c', ...args], { input, maxBuffer: 1 << 28 });

async function* inPieces(bytes: Buffer, pieceBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield await Promise.resolve(bytes.subarray(at, at + pieceBytes));
}

const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
const forms: readonly (readonly [string, () => Buffer])[] = [
  ['plain bytes', () => text],
  ['gzip', () => gzipSync(text)],
  ['gzip of two members', () => Buffer.concat([gzipSync(text.subarray(0, 1000)), gzipSync(text.subarray(1000))])],
  ['gzip padded with zeros', () => Buffer.concat([gzipSync(text), Buffer.alloc(512)])],
  ['zstd', () => zstd(text)],
  ['zstd level 19', () => zstd(text, '-19')],
  ['zstd with a long window', () => zstd(text, '--long=27')],
  ['zstd of two frames and frames to be skipped', () => Buffer.concat([skippable, zstd(text.subarray(0, 1000)), skippable, zstd(text.subarray(1000), '--no-check'), skippable])],
];
for (const [what, make] of forms) {
  for (const pieceBytes of [1, 1000, 1 << 20]) {
    const bytes = make();
    if (pieceBytes === 1 && bytes.length > 200_000) continue;
    test(`decompress reads ${what} in pieces of ${pieceBytes}`, async () => {
      assert.ok((await collect(decompress(inPieces(bytes, pieceBytes)))).equals(text));
    });
  }
}

test('nothing stays nothing', async () => {
  assert.equal((await collect(decompress(inPieces(Buffer.alloc(0), 1)))).length, 0);
});

test('a zstd stream of repeated bytes is decompressed in bounded steps', async () => {
  const bytes = zstd(Buffer.alloc(50_000_000));
  let total = 0;
  let largest = 0;
  for await (const chunk of decompress(inPieces(bytes, bytes.length))) {
    total += chunk.length;
    largest = Math.max(largest, chunk.length);
  }
  assert.equal(total, 50_000_000);
  assert.ok(largest <= 131_072);
});

const zipped = gzipSync(text);
const zstded = zstd(text);
const damaged: readonly (readonly [string, Buffer])[] = [
  ['gzip that ends too early', zipped.subarray(0, -10)],
  ['gzip with a wrong checksum', Buffer.concat([zipped.subarray(0, -8), Buffer.alloc(8)])],
  ['gzip followed by something else', Buffer.concat([zipped, Buffer.from('something else')])],
  ['zstd that ends too early', zstded.subarray(0, -10)],
  ['zstd that ends in its header', zstded.subarray(0, 5)],
  ['zstd followed by something else', Buffer.concat([zstded, Buffer.from('something else, and long enough')])],
  ['zstd with a window of 2 GiB', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 1, 0, 0])],
  ['zstd with a content of 1 TiB in one segment', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0])],
  ['zstd with a block of the reserved type', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x50, 0x07, 0, 0])],
  ['zstd with a compressed block of nonsense', Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x50, 0x45, 0x06, 0]), Buffer.alloc(200, 0xff)])],
];
for (const [what, bytes] of damaged) {
  test(`decompress refuses ${what}`, async () => {
    await assert.rejects(collect(decompress(inPieces(bytes, 4096))), { code: 'DECOMPRESS_INVALID', errorClass: 'registry' });
  });
}

test('an error of the source comes through as it is', async () => {
  const failure = new Error('the source');
  for (const head of [zipped, zstded, text]) {
    await assert.rejects(collect(decompress((async function* () {
      yield await Promise.resolve(head.subarray(0, 5000));
      throw failure;
    })())), failure);
  }
});

test('a consumer that stops early closes the source', async () => {
  for (const bytes of [zipped, zstded, text]) {
    let closed = false;
    const source = (async function* () {
      try {
        yield* inPieces(bytes, 1000);
      } finally {
        closed = true;
      }
    })();
    for await (const chunk of decompress(source)) {
      assert.ok(chunk.length > 0);
      break;
    }
    assert.ok(closed);
  }
});
