/** Turns a function that writes to a descriptor, such as a job of the sandbox process, into a stream, by a pipe. */
import { Socket } from 'node:net';
import { loadAddon } from '../native/addon.ts';

/**
 * What the function writes. It must not block this thread, and it must end when its reader goes away (EPIPE). Its failure
 * is thrown at the end of the stream; a reader that stops early does not see it.
 */
export async function* streamFromWriter(write: (fd: number) => Promise<unknown>): AsyncIterable<Uint8Array> {
  const { readFd, writeFd } = loadAddon().createPipe();
  const reader = new Socket({ fd: readFd, readable: true, writable: false });
  const failures: unknown[] = [];
  const writing = write(writeFd)
    .catch((error: unknown) => failures.push(error))
    .finally(() => loadAddon().closeFd(writeFd));
  try {
    yield* reader as AsyncIterable<Buffer>;
  } finally {
    reader.destroy();
    await writing;
  }
  for (const failure of failures) throw failure;
}
