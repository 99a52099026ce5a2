/** Writes the layer of a COPY, or of an ADD of files, straight from its sources (addon/sandbox/copy.cc). */
import { encodePath } from '../base/path-bytes.ts';
import type { Xattrs } from '../native/directory.ts';
import { SpecWriter, type Bytes } from '../native/encoding.ts';
import { JobKind, type Helper } from '../native/helper.ts';
import { writeViewSpec, type ViewSpec } from '../native/view.ts';
import { writeLayerByJob, type WrittenLayer } from './commit.ts';
import { writeTimePolicy, type TimePolicy } from './time-policy.ts';

/** Where files come from: a directory on the host (a context, a download) or the merged tree of a stage or image. */
export type CopySource = { readonly kind: 'directory'; readonly path: string } | { readonly kind: 'view'; readonly view: ViewSpec };

/** One file, directory or link to be copied. */
export interface CopyEntry {
  /** In the root of its source; every component must be a real directory (links were followed by the caller). */
  readonly sourcePath: Bytes;
  /** Below the item's destination; empty for a single file. */
  readonly path: Bytes;
  /** Type and permission bits as in `stat`; the permissions are those that land in the image. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** What the caller saw. For regular files all five must still hold when the file is read. */
  readonly sizeBytes: number | bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly ino: bigint;
  /** Devices only. */
  readonly rdev?: bigint;
  /** Symbolic links only. */
  readonly linkTarget?: Bytes;
  /** Entries with the same number, not 0, are names of one file within this COPY. */
  readonly linkGroup?: number;
  /** Extended attributes: those that the source has now, or these, in byte order of their names. */
  readonly xattrs: 'source' | Xattrs;
  /** A directory that is there only for what is in it: one that stands at its place gets this mode and keeps the rest. */
  readonly impliedMode?: number;
}

/** One source of a COPY. */
export interface CopyItem {
  /** In the image, absolute. */
  readonly destination: Bytes;
  /** It has a trailing slash, or there are several sources. */
  readonly destinationIsDirectory: boolean;
  /** `contents`: entries go below the destination, which is made if missing; `single`: one entry that is not a directory. */
  readonly kind: 'contents' | 'single';
  /** The last component of the source as the user wrote it; for a single entry that goes into a directory. */
  readonly baseName: Bytes;
  /** Index into `sources`. */
  readonly source: number;
  /** Of the source directory: the destination gets it where times are kept. */
  readonly mtimeNs?: bigint;
  /** Directories before what is in them. */
  readonly entries: readonly CopyEntry[];
}

export interface CopyOptions {
  /** The layers below. With `link` they are not looked at. */
  readonly destination: ViewSpec;
  readonly times: TimePolicy;
  /** COPY --link: missing and linked parents become plain directories, nothing is compared. */
  readonly link: boolean;
  /** Directories made on the way. Without an owner they belong to 0:0, or in a setgid directory to its group. */
  readonly parents: { readonly mode: number; readonly owner: { readonly uid: number; readonly gid: number } | null; readonly mtimeSeconds: number };
  readonly sources: readonly CopySource[];
  /** In order: later ones override earlier ones. */
  readonly items: readonly CopyItem[];
}

/**
 * Writes the layer's tar to `tarFd` (null: only digests it).
 * @throws TsbuildError `FILE_CHANGED` when a file is not the one that the caller saw, `COPY_CONFLICT` for a file over a
 *   directory or a directory over something else, `NAME_IMPOSSIBLE` for a name that starts with `.wh.`
 */
export async function writeCopyLayer(helper: Helper, options: CopyOptions, tarFd: number | null, signal?: AbortSignal): Promise<WrittenLayer> {
  const spec = new SpecWriter();
  writeViewSpec(spec, options.destination);
  spec.boolean(helper.userNamespace !== null);
  writeTimePolicy(spec, options.times);
  const { parents } = options;
  spec.boolean(options.link).u32(parents.mode).u32(parents.owner?.uid ?? 0).u32(parents.owner?.gid ?? 0);
  spec.boolean(parents.owner === null).i64(parents.mtimeSeconds);
  spec.u32(options.sources.length);
  for (const source of options.sources) writeSource(spec, source);
  spec.u32(options.items.length);
  for (const item of options.items) writeItem(spec, item);
  return writeLayerByJob(helper, { kind: JobKind.Copy, spec: spec.finish(), what: 'copy' }, tarFd, signal);
}

function writeSource(spec: SpecWriter, source: CopySource): void {
  if (source.kind === 'view') writeViewSpec(spec.u8(1), source.view);
  else spec.u8(0).bytes(source.path);
}

function writeItem(spec: SpecWriter, item: CopyItem): void {
  spec.bytes(item.destination).boolean(item.destinationIsDirectory).boolean(item.kind === 'single');
  spec.bytes(item.baseName).boolean(item.mtimeNs !== undefined).i64(item.mtimeNs ?? 0n);
  spec.u32(item.source).u32(item.entries.length);
  for (const entry of item.entries) writeEntry(spec, entry);
}

function writeEntry(spec: SpecWriter, entry: CopyEntry): void {
  spec.bytes(entry.sourcePath).bytes(entry.path).u32(entry.mode).u32(entry.uid).u32(entry.gid);
  spec.u64(entry.sizeBytes).i64(entry.mtimeNs).i64(entry.ctimeNs).u64(entry.ino).u64(entry.rdev ?? 0n);
  spec.bytes(entry.linkTarget ?? '').u32(entry.linkGroup ?? 0).boolean(entry.xattrs === 'source');
  const xattrs = entry.xattrs === 'source' ? [] : entry.xattrs;
  spec.u32(xattrs.length);
  for (const [name, value] of xattrs) spec.bytes(encodePath(name)).bytes(value);
  spec.boolean(entry.impliedMode !== undefined).u32(entry.impliedMode ?? 0);
}
