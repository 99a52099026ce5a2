/** The worker thread of gzip.ts: one block in, one gzip member out. */
import { parentPort } from 'node:worker_threads';
import { gzip } from 'libdeflate';

parentPort?.on('message', ({ block, level }: { block: Uint8Array; level: number }) => {
  const member = gzip(block, level);
  parentPort?.postMessage({ member }, [member.buffer as ArrayBuffer]);
});
