/** The contract of `StepClaims`: the locks on disk and the claims in memory that the executor's tests use both run it. */
import { strict as assert } from 'node:assert';
import { setMaxListeners } from 'node:events';
import { test, type TestContext } from 'node:test';
import { makeKey, type CacheKey } from '../../src/base/canonical.ts';
import type { StepClaims } from '../../src/build/executor.ts';

/** Claims in memory, for tests of the executor; several builds share the map. */
export function memoryClaims(claimed: Map<string, Promise<void>>): StepClaims {
  return {
    claim: ({ digest }) => {
      if (claimed.has(digest)) return Promise.resolve(null);
      let end = (): void => undefined;
      claimed.set(digest, new Promise((resolve) => { end = resolve; }));
      return Promise.resolve({
        release: () => {
          claimed.delete(digest);
          return Promise.resolve(end());
        },
      });
    },
    whenFree: ({ digest }, signal) => new Promise((resolve, reject) => {
      const abort = (): void => { reject(signal.reason as Error); };
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort, { once: true });
      void (claimed.get(digest) ?? Promise.resolve()).then(resolve);
    }),
  };
}

const key = (value: string): CacheKey => makeKey('run/1', [{ name: 'command', value }]);
const never = new AbortController().signal;
setMaxListeners(0, never); // twenty who wait listen to it

/** Runs the suite; `open` gives claims, and claims of another build on the same store. */
export function stepClaimsContract(name: string, open: (test: TestContext) => Promise<readonly [StepClaims, StepClaims]> | readonly [StepClaims, StepClaims]): void {
  const check = (what: string, body: (one: StepClaims, two: StepClaims) => Promise<void>): void => {
    test(`${name}: ${what}`, async (t) => body(...(await open(t))));
  };

  check('a key is claimed once, by this build or another, and other keys beside it', async (one, two) => {
    const claim = await one.claim(key('a'));
    assert.ok(claim !== null);
    assert.equal(await one.claim(key('a')), null);
    assert.equal(await two.claim(key('a')), null);
    const other = await two.claim(key('b'));
    assert.ok(other !== null);
    await claim.release();
    await other.release();
  });

  check('a key that was given back is claimed again', async (one, two) => {
    for (const claims of [one, two, one]) {
      const claim = await claims.claim(key('a'));
      assert.ok(claim !== null);
      await claim.release();
    }
  });

  check('whenFree waits for the end of a claim and takes nothing', async (one, two) => {
    const claim = await one.claim(key('a'));
    let freed = 0;
    const waiting = Promise.all(Array.from({ length: 20 }, () => two.whenFree(key('a'), never).then(() => { freed += 1; })));
    await two.whenFree(key('b'), never);
    assert.equal(freed, 0);
    await claim?.release();
    await waiting;
    await (await two.claim(key('a')))?.release();
  });

  check('who waits can give up, and is in nobody\'s way', async (one, two) => {
    const claim = await one.claim(key('a'));
    const controller = new AbortController();
    const waiting = two.whenFree(key('a'), controller.signal);
    const reason = new Error('enough');
    controller.abort(reason);
    await assert.rejects(waiting, reason);
    await claim?.release();
    const again = await two.claim(key('a'));
    assert.ok(again !== null);
    await again.release();
    await assert.rejects(two.whenFree(key('a'), controller.signal), reason);
  });

  check('of many who ask at once one gets the key', async (one, two) => {
    const claims = await Promise.all(Array.from({ length: 40 }, (_, at) => (at % 2 === 0 ? one : two).claim(key('a'))));
    assert.equal(claims.filter((claim) => claim !== null).length, 1);
    for (const claim of claims) await claim?.release();
  });
}
