/** How many groups are made ahead, and when: by counts, with groups that are none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noGroupLimits } from '../../src/sandbox/cgroup/group-limits.ts';
import type { StepGroup } from '../../src/sandbox/cgroup/step-group.ts';
import { GroupSupply } from '../../src/sandbox/cgroup/supply.ts';

/** A supply, and how many of its groups were made and are there. */
function supplyOf(aheadMax: number): { readonly supply: GroupSupply; readonly counts: { made: number; there: number } } {
  const counts = { made: 0, there: 0 };
  const remove = (): Promise<void> => {
    counts.there -= 1;
    return Promise.resolve();
  };
  const make = (): Promise<StepGroup> => {
    counts.made += 1;
    counts.there += 1;
    return Promise.resolve({ cgroups: { files: [], view: null }, missing: [], measure: () => Promise.resolve({ oomKills: 0, pidsRefused: 0 }), remove });
  };
  return { supply: new GroupSupply(make, { limits: noGroupLimits, aheadMax, onWarning: (text) => assert.fail(text) }), counts };
}

test('groups are made four at a time, and anew when one is left', async () => {
  const { supply, counts } = supplyOf(20);
  const made: number[] = [counts.made];
  for (let step = 0; step < 7; step += 1) {
    await supply.make();
    made.push(counts.made);
  }
  assert.deepEqual(made, [4, 4, 4, 7, 7, 7, 10, 10]);
});

test('no more groups are made ahead than there are steps, and closing removes those that were not used', async () => {
  const { supply, counts } = supplyOf(5);
  const groups = [];
  for (let step = 0; step < 4; step += 1) groups.push(await supply.make());
  assert.equal(counts.made, 5);
  for (const group of groups) await group.remove();
  assert.equal(counts.there, 1);
  await supply.close();
  assert.equal(counts.there, 0);
});

test('more steps than were expected get groups, one at a time', async () => {
  const { supply, counts } = supplyOf(0);
  assert.equal(counts.made, 0);
  await supply.make();
  await supply.make();
  assert.equal(counts.made, 2);
});
