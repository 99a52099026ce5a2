/** A process of its own, to be killed: makes blobs, tags and records without end, with a dot before each step. Arguments: store, number of this process. */
import { writeSync } from 'node:fs';
import { makeKey } from '../../src/base/canonical.ts';
import { digestOf, type BlobDigest } from '../../src/base/digest.ts';
import { openCache } from '../../src/cache/cache.ts';
import { openStore } from '../../src/store/open.ts';
import { kernelLocks } from './kernel-lock.ts';

const [, , root = '', number = '0'] = process.argv;
const store = await openStore({ root, processId: process.pid, ...kernelLocks });
const cache = openCache(store);
const step = (): boolean => process.stdout.write('.');
step();
for (let round = 0; ; round += 1) {
  const text = `blob ${number} ${round} `.repeat(20_000);
  const digest = digestOf<BlobDigest>(text);
  const { sizeBytes } = await store.blobs.ingest((fd) => {
    const half = text.length / 2;
    writeSync(fd, text.slice(0, half));
    step();
    return new Promise((resolve) => {
      setImmediate(() => {
        writeSync(fd, text.slice(half));
        resolve({ digest, sizeBytes: text.length });
      });
    });
  });
  step();
  await cache.put(makeKey('test/1', [{ name: 'round', value: round % 10 }]), { round, number }, 'label');
  step();
  await store.tags.update({ set: [{ name: `name-${number}-${round % 5}`, descriptor: { mediaType: 'a/b', digest, size: sizeBytes } }] });
}
