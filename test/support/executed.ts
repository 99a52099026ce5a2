/**
 * How much JavaScript a call executes, in counted blocks instead of in time: the same on a busy machine as on an idle one.
 * V8 counts how often each block of each function ran, in functions that are compiled (first called) after this module is
 * loaded. Start at `executedBlocks`.
 */
import { Session } from 'node:inspector';
import { setFlagsFromString } from 'node:v8';

// Code that the compiler has optimised loses some of its counters, at a moment that depends on the machine.
setFlagsFromString('--no-opt');
const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });

/** Entries into blocks of functions of `src/` while `call` runs (https://v8.dev/blog/javascript-code-coverage, block granularity). */
export function executedBlocks(call: () => void): number {
  takeCount();
  call();
  return takeCount();
}

/** What was counted since it was last taken. */
function takeCount(): number {
  let count = 0;
  session.post('Profiler.takePreciseCoverage', (error, coverage) => {
    if (error !== null) throw error;
    for (const { url, functions } of coverage.result) {
      if (!url.includes('/src/')) continue;
      for (const { ranges } of functions) for (const range of ranges) count += range.count;
    }
  });
  return count;
}
