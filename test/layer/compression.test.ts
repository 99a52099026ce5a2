import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { decompress, detectCompression, gzipBlockBytes, gzipFormat, openGzipPool } from '../../src/layer/layer.ts';

async function* chunksOf(data: Uint8Array, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < data.length; at += size) yield await Promise.resolve(data.subarray(at, at + size));
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Compressible bytes that are the same in every run. */
function sample(size: number): Buffer {
  const data = Buffer.alloc(size);
  let state = 1;
  for (let at = 0; at < size; at += 1) {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    data[at] = (state >> 16) % 23;
  }
  return data;
}

async function gzip(data: Uint8Array, threads: number, chunkSize: number): Promise<Buffer> {
  const pool = openGzipPool(threads);
  try {
    return await collect(pool.compress(chunksOf(data, chunkSize), { level: 6 }));
  } finally {
    await pool.close();
  }
}

test('gzip bytes do not depend on threads or chunks, and any gzip reads them', async () => {
  const data = sample(5 * gzipBlockBytes + 12345);
  const one = await gzip(data, 1, 77_777);
  assert.deepEqual(await gzip(data, 4, 1 << 20), one);
  assert.deepEqual(await gzip(data, 2, 3_333_333), one);
  assert.deepEqual(gunzipSync(one), data);
  assert.deepEqual(execFileSync('gzip', ['-dc'], { input: one, maxBuffer: 1 << 28 }), data);
});

test('gzip bytes are frozen: gzipFormat 1', async () => {
  const digest = createHash('sha256').update(await gzip(sample(2 * gzipBlockBytes), 2, 65536)).digest('hex');
  assert.equal(gzipFormat, 1);
  assert.equal(digest, '9d1d5d9dd72749bdeb8f9625f72503ef18d26dd0a54f03e568711dd829dd085a');
});

test('gzip of nothing is one empty member', async () => {
  const empty = await gzip(Buffer.alloc(0), 2, 1);
  assert.equal(gunzipSync(empty).length, 0);
  assert.equal(empty.length, 23);
});

test('gzip streams of one pool do not mix, and a failing source ends its own only', async () => {
  const pool = openGzipPool(2);
  const inputs = [sample(3_000_000), randomBytes(2_500_000), sample(10)];
  async function* failing(): AsyncGenerator<Uint8Array, void, undefined> {
    yield await Promise.resolve(sample(3 * gzipBlockBytes));
    throw new Error('source failed');
  }
  const [failed, ...outputs] = await Promise.allSettled([
    collect(pool.compress(failing(), { level: 1 })),
    ...inputs.map((data) => collect(pool.compress(chunksOf(data, 10_000), { level: 1 }))),
  ]);
  assert.match(String(failed.status === 'rejected' ? failed.reason : ''), /source failed/);
  outputs.forEach((output, index) => assert.deepEqual(output.status === 'fulfilled' && gunzipSync(output.value), inputs[index]));
  await pool.close();
});

test('gzip stops when its signal aborts', async () => {
  const pool = openGzipPool(1);
  const controller = new AbortController();
  const output = pool.compress(chunksOf(sample(8 * gzipBlockBytes), gzipBlockBytes), { level: 12, signal: controller.signal });
  await output.next();
  controller.abort(new Error('given up'));
  await assert.rejects(collect(output), /given up/);
  await pool.close();
});

const programs = { gzip: ['gzip', '-c'], zstd: ['zstd', '-qc'], bzip2: ['bzip2', '-c'], xz: ['xz', '-c'] } as const;
const options = { what: 'test data', sizeBytesMax: 1 << 28 };

for (const [name, [program, ...args]] of Object.entries(programs)) {
  const pack = (data: Buffer): Buffer => execFileSync(program, args, { input: data, maxBuffer: 1 << 28 });

  test(`decompress finds ${name} by content and reads frames that follow each other`, async () => {
    const data = sample(3_000_000);
    const packed = Buffer.concat([pack(data), pack(data)]);
    assert.equal(detectCompression(packed), name);
    for (const size of [1000, 1 << 20]) {
      assert.deepEqual(await collect(decompress(chunksOf(packed, size), options)), Buffer.concat([data, data]));
    }
  });

  test(`decompress names broken and cut ${name}`, async () => {
    const packed = pack(randomBytes(300_000));
    await assert.rejects(collect(decompress(chunksOf(packed.subarray(0, 200_000), 10_000), options)), { code: 'DATA_CORRUPT', message: new RegExp(`test data: its ${name} data is broken`) });
    const broken = Buffer.from(packed);
    // fzstd does not check zstd's optional checksum, so break the structure: the header of the first block.
    broken.fill(0xaa, 8, 400);
    await assert.rejects(collect(decompress(chunksOf(broken, 10_000), options)), { code: 'DATA_CORRUPT' });
  });

  test(`decompress limits what ${name} expands to`, async () => {
    const bomb = pack(Buffer.alloc(50_000_000));
    await assert.rejects(collect(decompress(chunksOf(bomb, 1000), { what: 'bomb', sizeBytesMax: 1_000_000 })), { code: 'DATA_TOO_LARGE' });
  });

  test(`decompress passes on the error of a source of ${name}`, async () => {
    async function* failing(): AsyncGenerator<Uint8Array, void, undefined> {
      yield await Promise.resolve(pack(sample(100_000)).subarray(0, 1000));
      throw Object.assign(new Error('connection lost'), { code: 'ECONNRESET' });
    }
    await assert.rejects(collect(decompress(failing(), options)), { code: 'ECONNRESET' });
  });
}

test('decompress passes plain and tiny data through', async () => {
  for (const data of [Buffer.alloc(0), Buffer.from('x'), Buffer.from('plain text'), sample(100_000)]) {
    assert.deepEqual(await collect(decompress(chunksOf(data, 3), options)), data);
  }
});
