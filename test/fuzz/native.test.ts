/** The tar reader and what unpacks, compiled with the address and undefined behaviour sanitizers, over mutated archives. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { randomSeed } from '../support/property.ts';
import { skipWithout } from '../support/needs.ts';
import { nativeCorpus, nativeTargets, runNativeTarget } from './native.ts';

const mutations = 400;

for (const target of nativeTargets) {
  test(`fuzzing ${target}: no bad access, no undefined behaviour, nothing outside the root`, { skip: skipWithout('root') }, (t) => {
    const seed = randomSeed();
    t.diagnostic(`replay with TSBUILD_RANDOM_SEED=${seed}`);
    const printed = runNativeTarget(target, { compiler: 'g++', options: [`-seed=${seed}`, `-runs=${mutations}`], seconds: 300, keeps: false });
    assert.match(printed, new RegExp(`^${readdirSync(nativeCorpus).length} files of the corpus and ${mutations} mutations, seed ${seed}: no violation`));
  });
}
