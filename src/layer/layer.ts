/**
 * Trees to canonical layer tars and back: commit, apply, copy, extract, export; scanning and reading views; compression.
 * It keeps nothing: where tars and snapshots live is the business of `store` and `snapshot`.
 * Start at `commitUpper` (commit.ts) and, for the form itself, addon/sandbox/tar-writer.h and tree.h.
 */
import type { DiffID } from '../base/digest.ts';

export { applyLayer, type AppliedLayer, type ApplyOptions, type ApplyTarget } from './apply.ts';
export { commitUpper, type CommitOptions, type Stub, type WrittenLayer } from './commit.ts';
export { writeCopyLayer, type CopyEntry, type CopyItem, type CopyOptions, type CopySource } from './copy.ts';
export { pump, type Pumped, type PumpOptions } from './pump.ts';
export { decompress, detectCompression, magicBytes, type Compression, type DecompressOptions } from './decompress.ts';
export { gzipBlockBytes, gzipFormat, gzipLevelDefault, openGzipPool, type GzipOptions, type GzipPool } from './gzip.ts';
export { compareTrees, duplicateTree, exportTree, extractArchive, giveAway, moveTree, removeTree, type ExtractOptions, type TreeDifference } from './tree-jobs.ts';
export { readFileInView, scanView, statInView, type ScanMatch, type ViewStat } from './view-files.ts';
export { clampSeconds, defaultTimePolicy, type TimePolicy } from './time-policy.ts';

/** Version of the canonical form. The same tree has the same diffID as long as it stays; it is part of cache keys. */
export const layerFormat = 1;

/** A layer without entries is two zero blocks. */
export const emptyLayer = {
  // The sha256 of 1024 zero bytes, as a constant so that nothing is computed on load.
  diffID: 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef' as DiffID,
  sizeBytes: 1024,
} as const;
