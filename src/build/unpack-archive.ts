/**
 * Unpacks a stream of a tar into a view, by the sandbox process. It decides neither what an archive is nor where it goes.
 * Start at `unpackArchive`.
 */
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { errnoCode } from '../base/errors.ts';
import { extractArchive, type ExtractOptions } from '../layer/layer.ts';
import { loadAddon } from '../native/addon.ts';
import type { Helper } from '../native/helper.ts';

/**
 * Returns what is to be told of entries that were left out.
 * @throws TsbuildError as of `extractArchive`; whatever the stream throws
 */
export async function unpackArchive(helper: Helper, tar: AsyncIterable<Uint8Array>, options: Omit<ExtractOptions, 'tarFd'>, signal: AbortSignal): Promise<readonly string[]> {
  const addon = loadAddon();
  const { readFd, writeFd } = addon.createPipe();
  const extracting = extractArchive(helper, { ...options, tarFd: readFd }, signal);
  addon.closeFd(readFd); // the extraction has its own
  const [extracted, fed] = await Promise.allSettled([extracting, pipeline(tar, createWriteStream('', { fd: writeFd }))]);
  // Data that ends early for its own reason says more than the archive that is then cut.
  if (fed.status === 'rejected' && errnoCode(fed.reason) !== 'EPIPE') throw fed.reason;
  if (extracted.status === 'rejected') throw extracted.reason;
  return extracted.value.warnings;
}
