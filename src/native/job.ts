/**
 * What can be asked of the sandbox process (addon/sandbox/job.h). Data only.
 */
import type { FrameReader } from './encoding.ts';
import type { FrameType } from './frames.ts';

/** The kinds of jobs; the numbers are those of addon/sandbox/job.h. */
export const JobKind = { Run: 1, Commit: 2, Apply: 3, Copy: 4, Scan: 5, Read: 6, Remove: 7, Extract: 8, Export: 9, Park: 10, Move: 11, Give: 12, Duplicate: 13, CompareTrees: 14, Probe: 15, Stop: 100 } as const;
export type JobKind = (typeof JobKind)[keyof typeof JobKind];

/** One piece of work for the sandbox process. */
export interface JobRequest {
  readonly kind: JobKind;
  readonly spec: Uint8Array;
  /** Descriptors that the job gets, in this order. */
  readonly fds?: readonly number[];
  readonly signal?: AbortSignal;
  /** Gets the job's Started and Warning frames. Must not throw. */
  readonly onFrame?: (type: FrameType, body: FrameReader) => void;
  /** Names the work in errors, e.g. `commit layer`. */
  readonly what: string;
}
