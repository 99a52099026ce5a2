/** The copy backend under the contract of `Snapshotter`. */
import { test } from 'node:test';
import { openCopySnapshotter } from '../../src/snapshot/copy.ts';
import { snapshotterContract } from '../contract/snapshotter.ts';
import { openBackend } from './backend.ts';

const skip = process.getuid?.() === 0 ? false : 'the steps of the suite need root';
if (skip === false) snapshotterContract('copy backend', () => openBackend({ folder: 'copy', open: openCopySnapshotter }));
else test('copy backend', { skip }, () => undefined);
