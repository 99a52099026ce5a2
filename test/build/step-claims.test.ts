/** Claims of steps: the contract, on disk and in memory, and what only locks on disk do. */
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeKey } from '../../src/base/canonical.ts';
import { storeClaims } from '../../src/build/step-claims.ts';
import { memoryClaims, stepClaimsContract } from '../contract/step-claims.ts';
import { openTestStore } from '../store/open-test-store.ts';

stepClaimsContract('in memory', () => {
  const claimed = new Map<string, Promise<void>>();
  return [memoryClaims(claimed), memoryClaims(claimed)];
});
stepClaimsContract('on disk', async (t) => {
  const first = await openTestStore(t);
  const second = await openTestStore(t, { root: first.paths.root });
  return [storeClaims(first), storeClaims(second)];
});

const key = makeKey('run/1', [{ name: 'command', value: 'a' }]);

test('a claim leaves no file, and that of a killed process is free and is removed by the next who opens the store', async (t) => {
  const store = await openTestStore(t);
  const names = (): readonly string[] => readdirSync(join(store.paths.root, 'tmp')).filter((name) => name.startsWith('step-'));
  const claims = storeClaims(store);
  const claim = await claims.claim(key);
  assert.equal(names().length, 1);
  await claim?.release();
  assert.deepEqual(names(), []);
  const script = `import { storeClaims } from ${JSON.stringify(import.meta.resolve('../../src/build/step-claims.ts'))};
    import { makeKey } from ${JSON.stringify(import.meta.resolve('../../src/base/canonical.ts'))};
    await storeClaims(${JSON.stringify({ paths: store.paths })}).claim(makeKey('run/1', [{ name: 'command', value: 'a' }]));
    process.stdout.write('claimed'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  assert.equal(await claims.claim(key), null);
  await (await openTestStore(t, { root: store.paths.root })).cleaned;
  assert.equal(names().length, 1, 'who opens the store leaves what is claimed');
  const waiting = claims.whenFree(key, AbortSignal.timeout(10_000));
  child.kill('SIGKILL');
  await once(child, 'exit');
  await waiting;
  await (await openTestStore(t, { root: store.paths.root })).cleaned;
  assert.deepEqual(names(), []);
});
