/** What checking takes besides the file itself. */
import type { PlanInput } from '../plan-input.ts';
import type { IgnoredPaths } from './copy-ignored-file.ts';

/** `images` are those that are known: none for `tsbuild check`, all that the target needs in a build. */
export interface CheckInput extends Omit<PlanInput, 'dockerfile'> {
  /** Null where the context has no ignore rules. */
  readonly ignored: IgnoredPaths | null;
  /** Whether stages that the target does not need are checked as well, where no target was named. */
  readonly allStages: boolean;
}
