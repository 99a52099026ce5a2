/** Everything that reads other people's bytes, with mistakes in them. `npm run fuzz` does the same for longer. */
import { after, test } from 'node:test';
import { randomSeed } from '../support/property.ts';
import { runTarget } from './run-target.ts';
import { openStreamTargets } from './stream-targets.ts';
import { textTargets } from './text-targets.ts';

const streams = await openStreamTargets();
after(streams.close);

for (const target of [...textTargets, ...streams.targets]) {
  test(`fuzzing ${target.name}: every input has an answer, or an error for people`, async (t) => {
    const seed = randomSeed();
    t.diagnostic(`replay with TSBUILD_RANDOM_SEED=${seed}`);
    await runTarget(target, { seed, runs: target.runs, timeMsMax: null, keeps: false });
  });
}
