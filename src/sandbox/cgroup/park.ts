/**
 * A process that waits in the control groups of the next step, so that this step need not go there itself: see
 * addon/sandbox/parking.h. The sandbox process finds it by the groups' files.
 */
import { SpecWriter } from '../../native/encoding.ts';
import { JobKind, type Helper } from '../../native/helper.ts';

/** Ends the process if it still waits; resolves when it has ended. */
export type EndParked = () => Promise<void>;

/** Sends a process into the groups whose `cgroup.procs` these are, at once. */
export function park(helper: Helper, cgroupFiles: readonly string[]): EndParked {
  const abort = new AbortController();
  const spec = new SpecWriter();
  spec.strings(cgroupFiles);
  // Where it cannot get there, neither can the step, which says so.
  const ended = helper.request({ kind: JobKind.Park, spec: spec.finish(), what: 'enter control groups', signal: abort.signal }).then(() => undefined, () => undefined);
  return async () => {
    abort.abort();
    await ended;
  };
}
