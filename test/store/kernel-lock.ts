/** The addon's locks in the form that the store asks for. */
import { acquireLock, tryLock } from '../../src/native/lock.ts';
import type { TakeLock } from '../../src/store/lock.ts';

export const kernelLock: TakeLock = (path, { mode, wait }) => {
  const shared = mode === 'shared';
  return wait ? acquireLock(path, { shared }) : tryLock(path, shared);
};
