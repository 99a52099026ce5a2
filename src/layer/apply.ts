/** Makes a snapshot from a layer's tar (addon/sandbox/apply.cc). */
import type { DiffID } from '../base/digest.ts';
import { digestFromHex } from '../base/digest.ts';
import { TsbuildError } from '../base/errors.ts';
import { SpecWriter } from '../native/encoding.ts';
import { JobKind, type Helper } from '../native/helper.ts';
import { writeViewSpec, type ViewSpec } from '../native/view.ts';
import { sendToJob } from './job-stream.ts';

/**
 * Where a layer goes. `directory`: an empty directory on the host, which becomes a lowerdir that fits on any parent.
 * `view`: a stack with an empty upperdir, which becomes a lowerdir for this stack only; for layers with implied entries.
 */
export type ApplyTarget = { readonly kind: 'directory'; readonly path: string } | { readonly kind: 'view'; readonly view: ViewSpec };

export interface ApplyOptions {
  /** The layer's uncompressed tar, read from its current offset to its end. The caller closes it. */
  readonly tarFd: number;
  /** What the bytes must be. */
  readonly expected: DiffID;
  readonly target: ApplyTarget;
}

export interface AppliedLayer {
  readonly entryCount: number;
  /**
   * Directories that entries lie in without the tar listing them, an opaque root, hard links to files that the tar does not
   * hold (they are left out): what these are depends on the layers below. If it is not 0, a `directory` snapshot is only right where those agree; make one with a `view` instead.
   */
  readonly impliedCount: number;
  readonly warnings: readonly string[];
}

/**
 * Unpacks a layer of any builder and checks its digest on the way. After any error the target must be thrown away.
 * @throws TsbuildError `LAYER_CORRUPT` when the bytes are not the expected ones or not a sound layer; `SANDBOX_FAILED`
 */
export async function applyLayer(helper: Helper, options: ApplyOptions, signal?: AbortSignal): Promise<AppliedLayer> {
  const spec = new SpecWriter();
  const { target, expected } = options;
  if (target.kind === 'view') writeViewSpec(spec.u8(1), target.view);
  else spec.u8(0).bytes(target.path);
  spec.boolean(helper.userNamespace !== null);
  const what = `apply layer ${expected}`;
  const job = { kind: JobKind.Apply, spec: spec.finish(), what, ...(signal === undefined ? {} : { signal }) };
  const { result, moved, warnings } = await sendToJob(helper, job, options.tarFd);
  const actual = digestFromHex<DiffID>(moved.sha256);
  if (actual !== expected) {
    throw new TsbuildError('registry', 'LAYER_CORRUPT', `${what}: its content has the digest ${actual}`, { details: { expected, actual } });
  }
  return { entryCount: Number(result.u64()), impliedCount: Number(result.u64()), warnings };
}
