/**
 * Zstandard for Node.js versions without it, by fzstd: loaded with the first layer that needs it. The frames' headers are
 * read here as well, because fzstd allocates whatever window a header asks for.
 */
import { Decompress as ZstdDecompress } from 'fzstd';
import { messageOf, TsbuildError } from '../base/errors.ts';
import { createFrameGuard } from './zstd-frames.ts';

/** What is fed at once. A block of 4 bytes can become 128 KiB, so this bounds the memory of one step to 64 MiB. */
const feedBytes = 2048;

/** Decompresses any number of frames. Throws TsbuildError `DECOMPRESS_INVALID` while iterating. */
export async function* unzstd(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const ready: Uint8Array[] = [];
  const guard = createFrameGuard();
  const decoder = new ZstdDecompress((chunk) => ready.push(chunk));
  const feed = (piece: Uint8Array, final: boolean): void => {
    try {
      decoder.push(piece, final);
    } catch (error) {
      throw new TsbuildError('registry', 'DECOMPRESS_INVALID', `unzstd: the data is damaged: ${messageOf(error)}`, { cause: error });
    }
  };
  for await (const chunk of source) {
    guard.check(chunk);
    for (let at = 0; at < chunk.length; at += feedBytes) {
      feed(chunk.subarray(at, at + feedBytes), false);
      yield* ready.splice(0);
    }
  }
  guard.finish();
  feed(new Uint8Array(), true);
  yield* ready.splice(0);
}
