/** A folder as a tar whose bytes depend on nothing but the files: sorted, numeric owners, constant times. */
import { mustRun } from './run-process.ts';

/** 1980-01-02, the time of every entry. Seconds. */
const entryTime = 315_619_200;

/** How to pack. */
export interface PackOptions {
  readonly folder: string;
  /** The file to write. */
  readonly tar: string;
  /** Give everything to root; otherwise owners are kept. */
  readonly ownedByRoot: boolean;
}

/** Packs with GNU tar. */
export async function packTree({ folder, tar, ownedByRoot }: PackOptions): Promise<void> {
  const owner = ownedByRoot ? ['--owner=0', '--group=0'] : [];
  const pax = ['--format=posix', '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime'];
  await mustRun('tar', [
    '--create', `--file=${tar}`, '--sort=name', `--mtime=@${String(entryTime)}`, '--numeric-owner', ...owner, ...pax,
    `--directory=${folder}`, '.',
  ], { env: { ...process.env, LC_ALL: 'C' } });
}
