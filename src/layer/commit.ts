/** Commits an upperdir as a layer in the canonical form (addon/sandbox/commit.cc). */
import { digestFromHex, type DiffID } from '../base/digest.ts';
import { SpecWriter, type Bytes } from '../native/encoding.ts';
import { JobKind, type Helper } from '../native/helper.ts';
import { writeViewSpec, type ViewSpec } from '../native/view.ts';
import { receiveFromJob } from './job-stream.ts';
import { writeTimePolicy, type TimePolicy } from './time-policy.ts';

/** Something that was made in the active snapshot only to mount over it. */
export interface Stub {
  readonly kind: 'file' | 'directory';
  /** In the image. */
  readonly path: Bytes;
}

export interface CommitOptions {
  /** The layers below, without an upper. */
  readonly lowers: ViewSpec;
  /** The upperdir, on the host. Nobody else may use it, and its overlay must be unmounted. */
  readonly upper: string;
  /** Removed first, where they are still empty and of their kind, with the parents that were made for them. */
  readonly stubs: readonly Stub[];
  readonly times: TimePolicy;
  /** Also makes the upperdir equal to what `applyLayer` makes from the tar, so that it can be the layer's snapshot. */
  readonly normalise: boolean;
  /** No upperdir but a whole tree, which began as a copy of the layers' (`duplicateTree`): what it has not is gone. */
  readonly whole?: boolean;
}

/** A layer that was written. */
export interface WrittenLayer {
  readonly diffID: DiffID;
  /** Of the uncompressed tar. */
  readonly sizeBytes: number;
  /** 0: the step changed nothing. */
  readonly entryCount: number;
  readonly warnings: readonly string[];
}

/**
 * Compares the upperdir with the layers below and writes what differs as a tar to `tarFd` (null: only digests it).
 * Cost: one walk over the upperdir, about five system calls a file; memory holds names and stats, never data.
 * @throws TsbuildError `NAME_IMPOSSIBLE` for a file whose name starts with `.wh.`; `SANDBOX_FAILED`; an Error with `code`
 *   when `tarFd` cannot be written
 */
export async function commitUpper(helper: Helper, options: CommitOptions, tarFd: number | null, signal?: AbortSignal): Promise<WrittenLayer> {
  const spec = new SpecWriter();
  writeViewSpec(spec, options.lowers);
  spec.bytes(options.upper).boolean(helper.userNamespace !== null);
  writeTimePolicy(spec, options.times);
  spec.u32(options.stubs.length);
  for (const stub of options.stubs) spec.u8(stub.kind === 'directory' ? 1 : 0).bytes(stub.path);
  spec.boolean(options.normalise).boolean(options.whole ?? false);
  return writeLayerByJob(helper, { kind: JobKind.Commit, spec: spec.finish(), what: 'commit layer' }, tarFd, signal);
}

/** Runs a job that writes a layer's tar and answers with its size and entry count. */
export async function writeLayerByJob(
  helper: Helper,
  job: { readonly kind: JobKind; readonly spec: Uint8Array; readonly what: string },
  tarFd: number | null,
  signal?: AbortSignal,
): Promise<WrittenLayer> {
  const { result, moved, warnings } = await receiveFromJob(helper, { ...job, ...(signal === undefined ? {} : { signal }) }, tarFd);
  result.u64(); // the job's own count of bytes, which the pump counted, too
  return {
    diffID: digestFromHex<DiffID>(moved.sha256),
    sizeBytes: moved.sizeBytes,
    entryCount: Number(result.u64()),
    warnings,
  };
}
