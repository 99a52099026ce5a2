/** Whole trees: deletes one, unpacks an archive into one, writes one as a tar (addon/sandbox/remove.cc, extract.cc, export.cc). */
import { rename } from 'node:fs/promises';
import { errnoCode } from '../base/errors.ts';
import { SpecWriter, type Bytes } from '../native/encoding.ts';
import { JobKind, type Helper } from '../native/helper.ts';
import { writeViewSpec, type ViewSpec } from '../native/view.ts';
import { writeLayerByJob, type WrittenLayer } from './commit.ts';
import { sendToJob } from './job-stream.ts';

/**
 * Deletes a directory tree on the host, whatever its owners and modes, never following a link. A missing one is fine.
 * @throws TsbuildError `SANDBOX_FAILED`
 */
export async function removeTree(helper: Helper, path: string, signal?: AbortSignal): Promise<void> {
  const spec = new SpecWriter().bytes(path).finish();
  await helper.request({ kind: JobKind.Remove, spec, what: `remove ${path}`, ...(signal === undefined ? {} : { signal }) });
}

/**
 * Renames a directory. To move one into another folder takes leave to write to it, which the caller does not have where
 * an image gave its root another owner or mode; then the sandbox process does it.
 * @throws Error with `code` as rename(2), TsbuildError `SANDBOX_FAILED`
 */
export async function moveTree(helper: Helper, from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (helper.userNamespace === null || errnoCode(error) !== 'EACCES') throw error;
    await helper.request({ kind: JobKind.Move, spec: new SpecWriter().bytes(from).bytes(to).finish(), what: `rename ${from}` });
  }
}

/**
 * Copies the content and the attributes of a directory into an empty one. Names of one file stay that with `keepsLinks`, else
 * each becomes a file of its own, as overlayfs makes it of what is written to.
 * @throws TsbuildError `DISK_FULL`, `SANDBOX_FAILED`
 */
export async function duplicateTree(helper: Helper, { from, to, keepsLinks }: { readonly from: string; readonly to: string; readonly keepsLinks: boolean }, signal?: AbortSignal): Promise<void> {
  const spec = new SpecWriter().bytes(from).bytes(to).boolean(keepsLinks).finish();
  await helper.request({ kind: JobKind.Duplicate, spec, what: 'copy tree', ...(signal === undefined ? {} : { signal }) });
}

/** Where two trees differ, and in what; the path is absolute in both. */
export interface TreeDifference {
  readonly path: string;
  readonly what: string;
}

/**
 * The first difference between two trees on the host as they stand on the disk, with whiteouts and overlayfs's marks; null
 * where there is none. The times of the roots do not count. Cost: both trees are read whole, memory holds one directory a level.
 * @throws TsbuildError `SANDBOX_FAILED`
 */
export async function compareTrees(helper: Helper, { a, b }: { readonly a: string; readonly b: string }, signal?: AbortSignal): Promise<TreeDifference | null> {
  const spec = new SpecWriter().bytes(a).bytes(b).boolean(helper.userNamespace !== null).finish();
  const answer = await helper.request({ kind: JobKind.CompareTrees, spec, what: 'compare trees', ...(signal === undefined ? {} : { signal }) });
  const [path, what] = [answer.string(), answer.string()];
  return what === '' ? null : { path, what };
}

/**
 * Gives a directory or socket that the caller made to an id of images.
 * @throws TsbuildError `IDS_MISSING`, `SANDBOX_FAILED`
 */
export async function giveAway(helper: Helper, path: string, { uid, gid, mode }: { readonly uid: number; readonly gid: number; readonly mode: number }): Promise<void> {
  await helper.request({ kind: JobKind.Give, spec: new SpecWriter().bytes(path).u32(uid).u32(gid).u32(mode).finish(), what: `make ${path}` });
}

export interface ExtractOptions {
  /** With upper and work: an active snapshot. What is unpacked lands in the upperdir. */
  readonly view: ViewSpec;
  /** In the image; made with its parents if missing (0755, and the owner below or 0:0). */
  readonly destination: Bytes;
  /** The uncompressed tar, read from its current offset to its end. The caller closes it. */
  readonly tarFd: number;
  /** Instead of the entries' own. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Permission bits for files and directories, instead of their own. */
  readonly mode?: number;
  /** Names the work in errors: `extract app.tar`. */
  readonly what?: string;
}

/**
 * Unpacks an archive into an active snapshot, as ADD of a tar does. Entries keep owner, mode and time; the archive's entry
 * for its own root changes nothing.
 * @throws TsbuildError `ARCHIVE_INVALID`, `COPY_CONFLICT` when the destination is not a directory, `NAME_IMPOSSIBLE` for
 *   names that start with `.wh.`, `SANDBOX_FAILED`
 */
export async function extractArchive(
  helper: Helper,
  options: ExtractOptions,
  signal?: AbortSignal,
): Promise<{ readonly entryCount: number; readonly warnings: readonly string[] }> {
  const spec = new SpecWriter();
  const { owner, mode } = options;
  writeViewSpec(spec, options.view);
  spec.boolean(helper.userNamespace !== null).bytes(options.destination);
  spec.boolean(owner !== undefined).u32(owner?.uid ?? 0).u32(owner?.gid ?? 0).boolean(mode !== undefined).u32(mode ?? 0);
  const job = { kind: JobKind.Extract, spec: spec.finish(), what: options.what ?? 'extract archive', ...(signal === undefined ? {} : { signal }) };
  const { result, warnings } = await sendToJob(helper, job, options.tarFd);
  return { entryCount: Number(result.u64()), warnings };
}

/**
 * Writes the merged tree of a view as one tar in the canonical form, with real times, to `tarFd`.
 * @throws TsbuildError `SANDBOX_FAILED`; an Error with `code` when `tarFd` cannot be written
 */
export async function exportTree(
  helper: Helper,
  options: { readonly view: ViewSpec },
  tarFd: number | null,
  signal?: AbortSignal,
): Promise<WrittenLayer> {
  const spec = new SpecWriter();
  writeViewSpec(spec, options.view);
  spec.boolean(helper.userNamespace !== null);
  return writeLayerByJob(helper, { kind: JobKind.Export, spec: spec.finish(), what: 'export tree' }, tarFd, signal);
}
