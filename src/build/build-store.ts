/** Opens the store as builds and commands use it: with the addon's locks, and with what may remove any file. */
import { rm } from 'node:fs/promises';
import { errnoCode } from '../base/errors.ts';
import { releasing } from '../base/releasing.ts';
import { acquireLock, openGate, tryLock } from '../native/lock.ts';
import type { TakeLock } from '../store/lock.ts';
import { openStore } from '../store/open.ts';
import type { Store } from '../store/store.ts';
import type { StoreNotice } from '../store/tags.ts';

/** Locks of the store, by the addon. */
const takeLock: TakeLock = (path, { mode, wait }) => {
  const shared = mode === 'shared';
  return wait ? acquireLock(path, { shared }) : tryLock(path, shared);
};

/** `report` is told what had to be put in order. @throws TsbuildError of opening a store */
export function openBuildStore(root: string, processId: number, report?: (notice: StoreNotice) => void): Promise<Store> {
  return openStore({ root, processId, lock: takeLock, openGate, removeTree: removeOwned, ...(report === undefined ? {} : { report }) });
}

/** As this user; what only the sandbox's user namespace may remove, is left for it. It is started for nothing else. */
async function removeOwned(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes(errnoCode(error) ?? '')) throw error;
    const [{ startHelper }, { removeTree }] = await Promise.all([import('../native/helper.ts'), import('../layer/layer.ts')]);
    const helper = await startHelper();
    await releasing(() => removeTree(helper, path), () => helper.close());
  }
}
