/** `npm run faults [EVERY]`: many faults, with a line for each; every n-th call fails, or, in long series, fewer. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { injectFaults, type FaultSeries } from './faults.ts';

const every = Number(process.argv[2] ?? 1);
const only = process.argv[3];

/** 1, 2, … first densely, then in growing steps. */
function upTo(max: number): readonly number[] {
  const numbers: number[] = [];
  for (let number = 1; number <= max; number += Math.max(every, Math.floor((number * every) / 20))) numbers.push(number);
  return numbers;
}

const series: readonly FaultSeries[] = [
  ...['EIO', 'ENOSPC'].map((error) => ({ calls: 'fsync', error, when: upTo(60) })),
  ...['ENOSPC', 'EIO', 'EROFS'].map((error) => ({ calls: 'rename,renameat,renameat2', error, when: upTo(40) })),
  ...['ENOSPC', 'EROFS'].map((error) => ({ calls: 'mkdir,mkdirat', error, when: upTo(80) })),
  ...['EMFILE', 'EIO', 'EROFS'].map((error) => ({ calls: 'openat,openat2', error, when: upTo(400) })),
  ...['ENOSPC', 'EIO'].map((error) => ({ calls: 'write,writev,pwrite64', error, when: upTo(400) })),
  ...['EIO'].map((error) => ({ calls: 'read,pread64', error, when: upTo(400) })),
  ...['EPERM', 'ENOMEM'].map((error) => ({ calls: 'mount,fsopen,fsmount,fsconfig,move_mount,open_tree,mount_setattr', error, when: upTo(60) })),
  ...['EIO'].map((error) => ({ calls: 'getdents64', error, when: upTo(60) })),
  ...['EROFS', 'EIO'].map((error) => ({ calls: 'unlink,unlinkat,rmdir', error, when: upTo(60) })),
  ...['ENOLCK', 'EIO'].map((error) => ({ calls: 'fcntl', error, when: upTo(120) })),
  ...['ENOSPC', 'EIO'].map((error) => ({ calls: 'fchmod,fchmodat,chmod,fchown,fchownat,utimensat,link,linkat,symlink,symlinkat,ftruncate,fallocate', error, when: upTo(60) })),
  ...['EIO'].map((error) => ({ calls: 'statx,newfstatat,fstat,lstat', error, when: upTo(300) })),
  // Not clone3 and pipe2: Node itself hangs or aborts where it cannot start its own threads.
  ...['EMFILE', 'ENOMEM'].map((error) => ({ calls: 'socketpair,memfd_create', error, when: upTo(20) })),
];

const folder = mkdtempSync(join(tmpdir(), 'tsbuild-faults-'));
try {
  const report = await injectFaults(folder, only === undefined ? series : series.filter(({ calls }) => calls.includes(only)), (line) => { console.log(line); });
  console.log(`all right: ${JSON.stringify(report)}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
