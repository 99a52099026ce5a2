/**
 * Claims of steps: locks on files of the store, one for each key that some build is at. A file goes with its claim; one that
 * a killed build left is removed as every lock of a dead process is, because it stands among those.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { CacheKey } from '../base/canonical.ts';
import { hexOf } from '../base/digest.ts';
import { releaseAll } from '../base/releasing.ts';
import { tryLock, waitUntilFree } from '../native/lock.ts';
import { diskError } from '../store/disk-error.ts';
import type { Store } from '../store/store.ts';
import { lockSuffix } from '../store/temporary.ts';
import type { StepClaims } from './executor.ts';

/** Claims on a store, among all processes that build on it. */
export function storeClaims({ paths }: Pick<Store, 'paths'>): StepClaims {
  const pathOf = ({ digest }: CacheKey): string => join(paths.root, 'tmp', `step-${hexOf(digest)}${lockSuffix}`);
  const failing = (path: string) => (error: unknown): never => {
    throw diskError(error, { operation: 'lock', path, owner: 'store' });
  };
  return {
    claim: async (key) => {
      const path = pathOf(key);
      const lock = await tryLock(path, false).catch(failing(path));
      if (lock === null) return null;
      // Removed while it is held: who opened it before finds that its name is gone, and begins anew.
      return { release: () => releaseAll([() => remove(path).catch(failing(path)), () => lock.release()]) };
    },
    whenFree: (key, signal) => waitUntilFree(pathOf(key), signal).catch((error: unknown) => {
      signal.throwIfAborted();
      return failing(pathOf(key))(error);
    }),
  };
}

function remove(path: string): Promise<void> {
  return new Promise((resolve) => resolve(rmSync(path, { force: true })));
}
