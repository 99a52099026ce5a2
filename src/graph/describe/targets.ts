/** `--call=targets`: the stages that can be built, as BuildKit lists them (frontend/subrequests/targets). */
import type { SourceRange } from '../../base/errors.ts';
import type { Dockerfile } from '../../dockerfile/instruction.ts';
import { descriptionOf } from './doc-comment.ts';

export interface TargetDescription {
  /** Null for a stage without a name. */
  readonly name: string | null;
  readonly description: string;
  /** The one that is built where none is asked for. */
  readonly isDefault: boolean;
  /** As written. */
  readonly base: string;
  readonly platform: string | null;
  readonly position: SourceRange;
}

export function targetsOf({ stages }: Dockerfile): readonly TargetDescription[] {
  return stages.map(({ name = null, from, index }) => ({
    name,
    description: name === null ? '' : descriptionOf(name, from.comments),
    isDefault: index === stages.length - 1,
    base: from.base,
    platform: from.platform ?? null,
    position: from.position,
  }));
}
