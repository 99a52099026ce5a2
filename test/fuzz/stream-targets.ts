/** Fuzz targets that read streams: image archives, compressed data, what registries answer. Start at `openStreamTargets`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRegistry } from '../../src/registry/registry.ts';
import { decompress } from '../../src/source/decompress.ts';
import { loadArchive } from '../../src/source/load-archive.ts';
import { openStore } from '../../src/store/open.ts';
import { calm, makeImage as makePulled, refTo, testOptions } from '../registry/client.ts';
import { makeImage, problemsIn, quietIo } from '../source/images.ts';
import { archiveOf, dockerArchiveOf } from '../source/image-archives.ts';
import { kernelLocks } from '../store/kernel-lock.ts';
import { answersOrRefusesLater, type FuzzTarget } from './target.ts';

/** Targets that hold something open: `close` gives it back. */
export interface OpenTargets {
  readonly targets: readonly FuzzTarget[];
  readonly close: () => Promise<void>;
}

async function* inPieces(input: Buffer, pieceBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < input.length; at += pieceBytes) yield await Promise.resolve(input.subarray(at, at + pieceBytes));
}

async function drain(chunks: AsyncIterable<Uint8Array>, bytesMax: number): Promise<void> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > bytesMax) return;
  }
}

/** A mutated frame may say a great deal: more than this is not asked of it. */
const decompressedBytesMax = 4 * 1024 * 1024;

const decompressTarget: FuzzTarget = {
  name: 'decompress',
  corpus: () => [],
  words: ['\x1f\x8b', '\x28\xb5\x2f\xfd', '\x50\x2a\x4d\x18', '\0\0\0\0', '\xff\xff\xff\xff', '\x01', '\x07\x80'],
  runs: 300,
  check: (input) => answersOrRefusesLater(() => drain(decompress(inPieces(input, 100)), decompressedBytesMax)),
};

async function archiveTarget(): Promise<OpenTargets> {
  const folder = mkdtempSync(join(tmpdir(), 'tsbuild-fuzz-'));
  const store = await openStore({ root: join(folder, 'store'), processId: process.pid, ...kernelLocks });
  const image = makeImage([Buffer.alloc(1024), Buffer.alloc(2048, 'x')]);
  const target: FuzzTarget = {
    name: 'image-archive',
    corpus: async () => [await archiveOf(image), await dockerArchiveOf(image)],
    words: ['../', '/', 'blobs/sha256/', 'index.json', 'manifest.json', 'oci-layout', '{"', '"}', 'null', '\0', 'ustar', 'x', 'L', '77777777777', 'path=', '\x1f\x8b'],
    runs: 150,
    check: async (input) => {
      const before = (await store.tags.list()).length;
      let loaded = 0;
      await answersOrRefusesLater(async () => {
        for (const { descriptor } of await loadArchive(store, inPieces(input, 3000), { decompress, io: quietIo() })) {
          loaded += 1;
          assert.deepEqual(await problemsIn(store, descriptor), [], 'an image that was loaded is whole');
        }
      });
      if (loaded === 0) assert.equal((await store.tags.list()).length, before, 'an archive that is refused leaves no name');
    },
  };
  return {
    targets: [target],
    close: async () => {
      await store.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** What a registry says, head and body: a client asks, and whatever comes, it ends. */
async function responseTarget(): Promise<OpenTargets> {
  const image = makePulled('fuzz');
  const { bytes, descriptor } = image.manifest;
  const head = (...lines: readonly string[]): string => ['HTTP/1.1 200 OK', ...lines, '', ''].join('\r\n');
  let answer: Buffer = Buffer.alloc(0);
  const server = createServer((socket) => {
    socket.on('error', () => undefined); // a client that hangs up early
    socket.once('data', () => socket.end(answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const reference = refTo((server.address() as AddressInfo).port);
  const client = createRegistry(testOptions());
  const target: FuzzTarget = {
    name: 'registry-response',
    corpus: () => [
      Buffer.concat([Buffer.from(head(`Content-Type: ${descriptor.mediaType}`, `Docker-Content-Digest: ${descriptor.digest}`, `Content-Length: ${bytes.length}`)), bytes]),
      Buffer.from('HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm="http://127.0.0.1:1/token",service="a"\r\nContent-Length: 0\r\n\r\n'),
      Buffer.from('HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2a\r\n{"errors":[{"code":"X","message":"\u001b[31m"}]\r\n0\r\n\r\n'),
      Buffer.from('HTTP/1.1 307 Temporary Redirect\r\nLocation: /v2/app/blobs/x\r\n\r\n'),
    ],
    words: ['\r\n', '\r\n\r\n', 'HTTP/1.1 ', '206', '429', '500', 'Retry-After: 1', 'Content-Range: bytes 0-1/2', 'Content-Encoding: gzip', 'Transfer-Encoding: chunked', 'Location: ', 'ffffffff', '\0', '\x1b[2J', descriptor.digest],
    runs: 200,
    check: async (input) => {
      answer = input;
      await answersOrRefusesLater(() => client.resolve(reference, calm));
      await answersOrRefusesLater(() => client.getManifest(reference, calm));
      await answersOrRefusesLater(() => drain(client.fetchBlob(reference, image.layer.descriptor, { signal: calm }), decompressedBytesMax));
    },
  };
  return {
    targets: [target],
    close: async () => {
      await client.close();
      server.close();
    },
  };
}

export async function openStreamTargets(): Promise<OpenTargets> {
  const opened = [await archiveTarget(), await responseTarget()];
  return {
    targets: [decompressTarget, ...opened.flatMap(({ targets }) => targets)],
    close: async () => {
      for (const { close } of opened) await close();
    },
  };
}
