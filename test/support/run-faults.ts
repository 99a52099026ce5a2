/**
 * `npm run faults [EVERY [WORD]]`: many faults, with a line for each. Every EVERYth call fails, or, with `all`, each of them;
 * WORD picks the series that have it in `STAGE CALLS`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { injectFaults, type DiskSeries, type FaultSeries } from './faults.ts';

const isAll = process.argv[2] === 'all';
const every = isAll ? 1 : Number(process.argv[2] ?? 1);
const only = process.argv[3] ?? '';

/** 1, 2, … first densely, then in growing steps. */
function upTo(max: number): readonly number[] {
  if (isAll) return Array.from({ length: max }, (_, at) => at + 1);
  const numbers: number[] = [];
  for (let number = 1; number <= max; number += Math.max(every, Math.floor((number * every) / 20))) numbers.push(number);
  return numbers;
}

const builds: readonly FaultSeries[] = [
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
  ...['EIO', 'EINTR'].map((error) => ({ calls: 'close', error, when: upTo(120) })),
  ...['EIO'].map((error) => ({ calls: 'statx,newfstatat,fstat,lstat', error, when: upTo(300) })),
  // Not clone3 and pipe2: Node itself hangs or aborts where it cannot start its own threads.
  ...['EMFILE', 'ENOMEM'].map((error) => ({ calls: 'socketpair,memfd_create', error, when: upTo(20) })),
];

/** Commands that change the store or an output, without steps. */
const others: readonly FaultSeries[] = (['save', 'load', 'tag', 'prune'] as const).flatMap((stage) => [
  ...['EIO', 'ENOSPC'].map((error) => ({ stage, calls: 'fsync', error, when: upTo(40) })),
  ...['EIO', 'EROFS'].map((error) => ({ stage, calls: 'rename,renameat,renameat2', error, when: upTo(40) })),
  ...['ENOSPC'].map((error) => ({ stage, calls: 'mkdir,mkdirat', error, when: upTo(40) })),
  ...['EROFS', 'EIO'].map((error) => ({ stage, calls: 'unlink,unlinkat,rmdir', error, when: upTo(60) })),
  ...['ENOSPC'].map((error) => ({ stage, calls: 'link,linkat,symlink,symlinkat,ftruncate,fallocate', error, when: upTo(20) })),
  ...['EMFILE', 'EIO'].map((error) => ({ stage, calls: 'openat,openat2', error, when: upTo(120) })),
  ...['EIO'].map((error) => ({ stage, calls: 'close', error, when: upTo(60) })),
]);

/** Writes fail only so: injected ones hit Node's own wake-ups first. */
const disks: readonly DiskSeries[] = (['build', 'load'] as const).flatMap((stage) => [
  { stage, limit: 'size' as const, values: Array.from({ length: 160 }, (_, at) => 8 + at * 64) },
  { stage, limit: 'nr_inodes' as const, values: Array.from({ length: 900 }, (_, at) => 3 + at * 2) },
]);

const series = [...builds, ...others, ...disks].filter((one) => `${one.stage ?? 'build'} ${'calls' in one ? one.calls : one.limit}`.includes(only));

const folder = mkdtempSync(join(tmpdir(), 'tsbuild-faults-'));
try {
  const report = await injectFaults(folder, series, (line) => { console.log(line); });
  console.log(`all right: ${JSON.stringify(report)}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
