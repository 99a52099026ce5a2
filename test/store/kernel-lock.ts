/** The addon's locks in the form that the store asks for. */
import { acquireLock, openGate, tryLock } from '../../src/native/lock.ts';
import type { OpenGate, TakeLock } from '../../src/store/lock.ts';

export const kernelLock: TakeLock = (path, { mode, wait }) => {
  const shared = mode === 'shared';
  return wait ? acquireLock(path, { shared }) : tryLock(path, shared);
};

/** All that `openStore` takes of them. */
export const kernelLocks: { readonly lock: TakeLock; readonly openGate: OpenGate } = { lock: kernelLock, openGate };
