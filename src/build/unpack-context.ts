/** Unpacks a context archive where nothing else is, by the same code that unpacks archives of ADD: it is as hostile. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { encodePath } from '../base/path-bytes.ts';
import { startHelper } from '../native/helper.ts';
import { treeView } from '../native/view.ts';
import { unpackArchive } from './unpack-archive.ts';

/**
 * The files land in `upper` below the folder, which must be empty.
 * @throws TsbuildError `ARCHIVE_INVALID`, `DATA_CORRUPT`, `DATA_TOO_LARGE`, `NAME_IMPOSSIBLE`, `SANDBOX_FAILED`
 */
export async function unpackContext(tar: AsyncIterable<Uint8Array>, folder: string, signal: AbortSignal): Promise<void> {
  const upper = join(folder, 'upper');
  await mkdir(upper, { mode: 0o700 });
  const helper = await startHelper();
  try {
    await unpackArchive(helper, tar, { view: treeView(upper), destination: encodePath('/'), owner: { uid: 0, gid: 0 } }, signal);
  } finally {
    await helper.close();
  }
}
