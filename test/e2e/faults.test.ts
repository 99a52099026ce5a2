/** Calls of the kernel that fail during a command (strace --inject), and disks that are full; `npm run faults` does far more of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { injectFaults, type DiskSeries, type FaultSeries } from '../support/faults.ts';
import { forRun, forTrace, skipWithout } from '../support/needs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const series: readonly FaultSeries[] = [
  { calls: 'fsync', error: 'ENOSPC', when: [2, 9, 14] },
  { calls: 'rename,renameat,renameat2', error: 'EIO', when: [1, 5] },
  { calls: 'mkdir,mkdirat', error: 'EROFS', when: [1, 12] },
  { calls: 'openat,openat2', error: 'EMFILE', when: [28, 50] },
  { calls: 'fsopen,fsmount,fsconfig,move_mount', error: 'EPERM', when: [8, 20] },
  // Mount points that were made for the sandbox and cannot be removed: they must not get into a layer.
  { calls: 'unlink,unlinkat,rmdir', error: 'EROFS', when: [4, 7] },
  { calls: 'fcntl', error: 'ENOLCK', when: [39, 94] },
  { stage: 'tag', calls: 'fsync', error: 'EIO', when: [1] },
  { stage: 'save', calls: 'rename,renameat,renameat2', error: 'EROFS', when: [1] },
  { stage: 'load', calls: 'fsync', error: 'ENOSPC', when: [4] },
  { stage: 'prune', calls: 'rename,renameat,renameat2', error: 'EIO', when: [3] },
];

const disks: readonly DiskSeries[] = [
  { limit: 'size', values: [1000, 3000] },
  { limit: 'nr_inodes', values: [25, 26, 60] },
  { stage: 'load', limit: 'size', values: [700] },
];

test('a call that fails is told with its operation, and leaves the old output or none and a store that works', { skip: skipWithout(...forRun, ...forTrace) }, async (t) => {
  const lines: string[] = [];
  const report = await injectFaults(temporaryFolder(t), [...series, ...disks], (line) => lines.push(line));
  assert.ok(report.told >= 15, lines.join('\n'));
});
