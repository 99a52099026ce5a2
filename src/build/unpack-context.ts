/** Unpacks a context archive where nothing else is, by the same code that unpacks archives of ADD: it is as hostile. */
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { errnoCode } from '../base/errors.ts';
import { encodePath } from '../base/path-bytes.ts';
import { extractArchive } from '../layer/layer.ts';
import { loadAddon } from '../native/addon.ts';
import { startHelper } from '../native/helper.ts';

/**
 * The files land in `upper` below the folder, which must be empty.
 * @throws TsbuildError `ARCHIVE_INVALID`, `DATA_CORRUPT`, `DATA_TOO_LARGE`, `NAME_IMPOSSIBLE`, `SANDBOX_FAILED`
 */
export async function unpackContext(tar: AsyncIterable<Uint8Array>, folder: string, signal: AbortSignal): Promise<void> {
  const [upper, work] = [join(folder, 'upper'), join(folder, 'work')];
  await Promise.all([mkdir(upper, { mode: 0o700 }), mkdir(work, { mode: 0o700 })]);
  const helper = await startHelper();
  try {
    const addon = loadAddon();
    const { readFd, writeFd } = addon.createPipe();
    const owner = { uid: 0, gid: 0 };
    const extracting = extractArchive(helper, { view: { lowers: [], upper, work }, destination: encodePath('/'), tarFd: readFd, owner }, signal);
    addon.closeFd(readFd); // the extraction has its own
    const [extracted, fed] = await Promise.allSettled([extracting, pipeline(tar, createWriteStream('', { fd: writeFd }))]);
    // Data that ends early for its own reason says more than the archive that is then cut.
    if (fed.status === 'rejected' && errnoCode(fed.reason) !== 'EPIPE') throw fed.reason;
    if (extracted.status === 'rejected') throw extracted.reason;
  } finally {
    await helper.close();
  }
}
