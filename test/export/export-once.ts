/** A process of its own: exports the small image from a new store. Arguments: store, file. */
import { exportImage } from '../../src/export/export.ts';
import { openStore } from '../../src/store/open.ts';
import { kernelLocks } from '../store/kernel-lock.ts';
import { request } from './small-image.ts';

const [, , root = '', file = ''] = process.argv;
const store = await openStore({ root, processId: process.pid, ...kernelLocks });
try {
  await exportImage(await request(store, `type=oci,dest=${file}`));
} finally {
  await store.close();
}
