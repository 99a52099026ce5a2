/**
 * What a view is: the merged tree of a stack of layers, mounted by the sandbox process (addon/sandbox/view.h).
 * It mounts nothing itself.
 */
import { TsbuildError } from '../base/errors.ts';
import type { SpecWriter } from './encoding.ts';

/** One layer of a view, `directory`, in overlayfs's own form; or the whole of it, `tree`: then it is the only one. */
export interface LowerSpec {
  readonly kind: 'directory' | 'tree';
  readonly path: string;
}

/**
 * A stack of layers, lowest first. With `upper` and `work` it can be written to: both directories on one file system,
 * `work` empty and never used before. A tree is written to as it is.
 */
export interface ViewSpec {
  readonly lowers: readonly LowerSpec[];
  readonly upper?: string;
  readonly work?: string;
}

/** The view of a plain directory, by which jobs write to it or read it without any mount. */
export function treeView(path: string): ViewSpec {
  return { lowers: [{ kind: 'tree', path }] };
}

/** The kernel's own limit (fs/overlayfs, OVL_MAX_STACK). */
export const lowerCountMax = 500;

/**
 * Encodes a view for the sandbox process.
 * @throws TsbuildError `LAYERS_TOO_MANY`
 */
export function writeViewSpec(writer: SpecWriter, view: ViewSpec): void {
  if (view.lowers.length > lowerCountMax) {
    throw new TsbuildError('machine', 'LAYERS_TOO_MANY', `mount ${view.lowers.length} layers: overlayfs takes ${lowerCountMax} at most`, {
      hint: 'Join instructions, or build FROM an image with fewer layers.',
      details: { layers: view.lowers.length },
    });
  }
  writer.u32(view.lowers.length);
  for (const lower of view.lowers) writer.u8(lower.kind === 'tree' ? 1 : 0).bytes(lower.path);
  writer.bytes(view.upper ?? '').bytes(view.work ?? '');
}
