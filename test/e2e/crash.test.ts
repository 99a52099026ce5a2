/** SIGKILL at any moment costs work and nothing else. `npm run crash` does the same 200 times. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crash } from '../support/crash.ts';
import { forRun, skipWithout } from '../support/needs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const kills = 30;

test('after every one of thirty kills the store verifies, the next build is right and the machine is as before', { skip: skipWithout(...forRun) }, async (t) => {
  const seed = Number(process.env['TSBUILD_TEST_SEED'] ?? Date.now() % 1_000_000);
  t.diagnostic(`seed ${seed}`);
  const { killed, late } = await crash({ folder: temporaryFolder(t), kills, seed, onRound: () => undefined });
  const count = Object.values(killed).reduce((sum, number) => sum + number, 0);
  assert.equal(count + late, kills);
  assert.ok(count >= kills / 3, `most commands were killed before they ended: ${JSON.stringify(killed)}`);
});
