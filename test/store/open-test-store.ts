/** A store in a folder of its own, closed and removed after the test. */
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openStore, type StoreOptions } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { kernelLocks } from './kernel-lock.ts';
import { temporaryFolder } from './temporary-folder.ts';

export async function openTestStore(test: TestContext, options: Partial<StoreOptions> = {}): Promise<Store> {
  const root = options.root ?? join(temporaryFolder(test), 'store');
  const store = await openStore({ processId: process.pid, ...kernelLocks, ...options, root });
  test.after(() => store.close());
  return store;
}
