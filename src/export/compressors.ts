/** The compressors that exports use: gzip by `layer/gzip.ts` always, zstd where Node has it. */
import { pipeline } from 'node:stream';
import zlib from 'node:zlib';
import { gzipFormat, gzipLevelDefault, type GzipPool } from '../layer/gzip.ts';
import type { Compressor, LayerCompressors } from './compress.ts';

/** Both kinds, as far as they are there. */
export function layerCompressors(pool: GzipPool): LayerCompressors {
  const gzip: Compressor = {
    format: String(gzipFormat),
    levelDefault: gzipLevelDefault,
    compress: (tar, level, signal) => pool.compress(tar, { level, signal }),
  };
  const zstd = zstdCompressor();
  return zstd === null ? { gzip } : { gzip, zstd };
}

/** Node 22.15 and newer. Its bytes depend on the library's version, which is therefore the format. */
function zstdCompressor(): Compressor | null {
  const version = process.versions['zstd'];
  const { createZstdCompress, constants } = zlib as Partial<ZstdOfNode>;
  if (version === undefined || createZstdCompress === undefined) return null;
  const levelParameter = constants?.['ZSTD_c_compressionLevel'] ?? 100;
  return {
    format: version,
    levelDefault: 3,
    compress: (tar, level) => {
      const stream = createZstdCompress({ params: { [levelParameter]: level } });
      // An error of the source reaches the reader of the stream, which pipeline destroys with it.
      return pipeline(tar, stream, () => undefined);
    },
  };
}

/** What Node 20's types do not have. */
interface ZstdOfNode {
  readonly createZstdCompress: (options: { readonly params: Readonly<Record<number, number>> }) => NodeJS.ReadWriteStream & AsyncIterable<Uint8Array>;
  readonly constants: Readonly<Record<string, number>>;
}
