/** Calls of the kernel that fail during a build (strace --inject); `npm run faults` does far more of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { injectFaults, type FaultSeries } from '../support/faults.ts';
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
  { calls: 'read,pread64', error: 'EIO', when: [366] },
];

test('a call that fails is told with its operation, and leaves the old output or none and a store that works', { skip: skipWithout(...forRun, ...forTrace) }, async (t) => {
  const lines: string[] = [];
  const report = await injectFaults(temporaryFolder(t), series, (line) => lines.push(line));
  assert.ok(report.told >= 10, lines.join('\n'));
});
