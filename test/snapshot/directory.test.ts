/** The directory backend under the contract of `Snapshotter`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultTimePolicy } from '../../src/layer/layer.ts';
import { JobKind, type Helper } from '../../src/native/helper.ts';
import { openDirectorySnapshotter } from '../../src/snapshot/directory.ts';
import { snapshotterContract } from '../contract/snapshotter.ts';
import { openBackend } from './backend.ts';

const open = () => openBackend({ folder: 'directory', open: openDirectorySnapshotter });
const skip = process.getuid?.() === 0 ? false : 'overlayfs mounts need root';
if (skip === false) snapshotterContract('directory backend', open);
else test('directory backend', { skip }, () => undefined);

test('directory backend: a removal that failed in the background is told by close, however long ago it was', { skip }, async () => {
  const setup = await open();
  try {
    const failure = new Error('will not go');
    let tell = (): void => undefined;
    const failed = new Promise<void>((resolve) => (tell = resolve));
    const request: Helper['request'] = (job) => {
      if (job.kind !== JobKind.Remove) return setup.helper.request(job);
      setImmediate(tell);
      return Promise.reject(failure);
    };
    const snapshotter = await openDirectorySnapshotter({ store: setup.store, helper: { userNamespace: null, isolation: 'namespaces', request, close: () => Promise.resolve() }, times: defaultTimePolicy });
    const active = await snapshotter.prepare([setup.shell], new AbortController().signal);
    await active.discard();
    await failed;
    await assert.rejects(snapshotter.close(), (error) => error === failure);
  } finally {
    await setup.close();
  }
});
