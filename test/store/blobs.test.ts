import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, closeSync, existsSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { digestOf, hexOf, type BlobDigest } from '../../src/base/digest.ts';
import type { Ingested, Store } from '../../src/store/store.ts';
import { openTestStore } from './open-test-store.ts';
import { mountedFolder, skipWithoutRoot } from './temporary-folder.ts';

const digestOfA = digestOf<BlobDigest>('a');

function pathOf(store: Store, digest: BlobDigest): string {
  return join(store.paths.oci, 'blobs', 'sha256', hexOf(digest));
}

/** An ingest callback that writes the text. */
function writing(text: string): (fd: number) => Promise<Ingested> {
  return (fd) => {
    writeSync(fd, text);
    return Promise.resolve({ digest: digestOf<BlobDigest>(text), sizeBytes: Buffer.byteLength(text) });
  };
}

/** Puts other bytes of the same length where the blob is. */
function corrupt(store: Store, digest: BlobDigest): void {
  const path = pathOf(store, digest);
  chmodSync(path, 0o600);
  writeFileSync(path, readFileSync(path).map((byte) => byte ^ 1));
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

test('ingest keeps a blob under its digest, read-only, and nothing else', async (t) => {
  const store = await openTestStore(t);
  assert.deepEqual(await store.blobs.ingest(writing('a')), { digest: digestOfA, sizeBytes: 1 });
  assert.equal(store.blobs.stat(digestOfA), 1);
  assert.equal(statSync(pathOf(store, digestOfA)).mode & 0o777, 0o444);
  assert.deepEqual(readdirSync(store.paths.tmp), []);
});

test('ingesting the same blob twice at once is success', async (t) => {
  const store = await openTestStore(t);
  const all = await Promise.all(Array.from({ length: 20 }, () => store.blobs.ingest(writing('same'))));
  assert.equal(new Set(all.map(({ digest }) => digest)).size, 1);
  assert.equal(readdirSync(join(store.paths.oci, 'blobs', 'sha256')).length, 1);
});

test('ingest keeps nothing when the digest is not the expected one', async (t) => {
  const store = await openTestStore(t);
  await assert.rejects(store.blobs.ingest(writing('b'), digestOfA), { code: 'BLOB_MISMATCH' });
  assert.deepEqual(readdirSync(join(store.paths.oci, 'blobs', 'sha256')), []);
  assert.deepEqual(readdirSync(store.paths.tmp), []);
});

test('ingest keeps nothing when the callback fails, and passes its error on', async (t) => {
  const store = await openTestStore(t);
  const broken = new Error('connection lost');
  await assert.rejects(store.blobs.ingest(() => Promise.reject(broken)), broken);
  assert.deepEqual(readdirSync(store.paths.tmp), []);
});

test('ingest notices that less was written than announced', async (t) => {
  const store = await openTestStore(t);
  await assert.rejects(store.blobs.ingest(() => Promise.resolve({ digest: digestOfA, sizeBytes: 1 })), { code: 'INVARIANT' });
});

test('put and read give the bytes back', async (t) => {
  const store = await openTestStore(t);
  const { digest } = await store.blobs.put('text');
  assert.equal((await store.blobs.read(digest)).toString(), 'text');
  assert.equal((await collect(store.blobs.stream(digest))).toString(), 'text');
});

test('put does not write again what is there and right', async (t) => {
  const store = await openTestStore(t);
  const { digest } = await store.blobs.put('text');
  const before = statSync(pathOf(store, digest)).ino;
  await store.blobs.put('text');
  assert.equal(statSync(pathOf(store, digest)).ino, before);
});

test('ingest does not flush again what is small, there and right; what is large it does not read for that', async (t) => {
  const store = await openTestStore(t);
  for (const [text, isKept] of [['a', true], ['a'.repeat(64 * 1024 + 1), false]] as const) {
    const { digest } = await store.blobs.ingest(writing(text));
    const before = statSync(pathOf(store, digest)).ino;
    await store.blobs.ingest(writing(text));
    assert.equal(statSync(pathOf(store, digest)).ino === before, isKept);
    assert.deepEqual(readdirSync(store.paths.tmp), []);
  }
});

test('put and ingest repair a blob whose bytes went wrong', async (t) => {
  const store = await openTestStore(t);
  for (const again of [() => store.blobs.put('a'), () => store.blobs.ingest(writing('a'))]) {
    await again();
    corrupt(store, digestOfA);
    await again();
    assert.equal((await store.blobs.read(digestOfA)).toString(), 'a');
  }
});

const readers: readonly (readonly [string, (store: Store) => Promise<unknown>])[] = [
  ['read', (store) => store.blobs.read(digestOfA)],
  ['stream', (store) => collect(store.blobs.stream(digestOfA))],
];
for (const [name, readIt] of readers) {
  test(`${name} of a broken blob fails, and the blob is out of the way`, async (t) => {
    const store = await openTestStore(t);
    await store.blobs.put('a');
    corrupt(store, digestOfA);
    await assert.rejects(readIt(store), { code: 'BLOB_CORRUPT', errorClass: 'machine' });
    assert.equal(store.blobs.stat(digestOfA), null);
    await assert.rejects(readIt(store), { code: 'BLOB_MISSING' });
  });
}

test('read refuses a blob above the limit before reading it', async (t) => {
  const store = await openTestStore(t);
  const { digest } = await store.blobs.put('0123456789');
  await assert.rejects(store.blobs.read(digest, 9), { code: 'BLOB_TOO_LARGE' });
  assert.equal((await store.blobs.read(digest, 10)).length, 10);
});

test('a symbolic link or a folder in the place of a blob is not one', async (t) => {
  const store = await openTestStore(t);
  symlinkSync('/etc/hostname', pathOf(store, digestOfA));
  assert.equal(store.blobs.stat(digestOfA), null);
  await assert.rejects(store.blobs.read(digestOfA), { code: 'BLOB_MISSING' });
  await assert.rejects(store.blobs.open(digestOfA), { code: 'BLOB_MISSING' });
});

test('open gives a descriptor that the caller closes', async (t) => {
  const store = await openTestStore(t);
  await store.blobs.put('a');
  const fd = await store.blobs.open(digestOfA);
  assert.equal(readFileSync(fd, 'utf8'), 'a');
  closeSync(fd);
});

test('a text that is no digest never becomes a path', async (t) => {
  const store = await openTestStore(t);
  assert.throws(() => store.blobs.stat('sha256:../../../../etc/passwd' as BlobDigest), { code: 'INVARIANT' });
});

test('a large blob streams in pieces with the right digest', async (t) => {
  const store = await openTestStore(t);
  const piece = Buffer.alloc(700_001, 'x');
  const hash = createHash('sha256');
  for (let i = 0; i < 10; i += 1) hash.update(piece);
  const digest: BlobDigest = `sha256:${hash.digest('hex')}` as BlobDigest;
  await store.blobs.ingest((fd) => {
    for (let i = 0; i < 10; i += 1) writeSync(fd, piece);
    return Promise.resolve({ digest, sizeBytes: piece.length * 10 });
  }, digest);
  assert.equal((await collect(store.blobs.stream(digest))).length, piece.length * 10);
});

test('a full disk is DISK_FULL, keeps nothing, and the store goes on', { skip: skipWithoutRoot }, async (t) => {
  const root = join(mountedFolder(t, 'size=256k'), 'store');
  const store = await openTestStore(t, { root });
  const large = (fd: number): Promise<Ingested> => {
    for (let i = 0; i < 1000; i += 1) writeSync(fd, Buffer.alloc(4096));
    return Promise.resolve({ digest: digestOfA, sizeBytes: 0 });
  };
  await assert.rejects(store.blobs.ingest(large), { code: 'DISK_FULL', errorClass: 'machine' });
  assert.deepEqual(readdirSync(store.paths.tmp), []);
  await store.blobs.put('a');
  assert.equal(existsSync(pathOf(store, digestOfA)), true);
});
