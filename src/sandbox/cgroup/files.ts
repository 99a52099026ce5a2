/** Access to the files of control groups, small enough that a directory can imitate it in tests. */
import { closeSync, constants, mkdirSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { rmdir, writeFile } from 'node:fs/promises';

/** Each throws the system's error with its errno as `code`. */
export interface CgroupFiles {
  read(path: string): Promise<string>;
  /** One write(2), as the kernel wants it. */
  write(path: string, value: string): Promise<void>;
  /** Names of the groups in a group. */
  groups(path: string): Promise<readonly string[]>;
  make(path: string): Promise<void>;
  /** Removes a group without processes and groups; its files go with it. */
  remove(path: string): Promise<void>;
}

/** Truncating, not creating. */
const flag = constants.O_WRONLY | constants.O_TRUNC;

export const cgroupFiles: CgroupFiles = {
  // Such a file is read or written in 20 microseconds, a group made in 50; an answer of a thread takes ten times as long.
  read: (path) => at(() => readFileSync(path, 'utf8')),
  write: (path, value) => (path.endsWith('/cgroup.procs') ? writeFile(path, value, { flag }) : at(() => writeToFile(path, value))),
  groups: (path) => at(() => readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name)),
  make: (path) => at(() => mkdirSync(path)),
  // A group is left while another process goes to the next one: then the kernel holds a lock for milliseconds, as it does
  // for the process that goes.
  remove: (path) => rmdir(path),
};

/** writeFileSync takes no numbers for flags. */
function writeToFile(path: string, value: string): void {
  const fd = openSync(path, flag);
  try {
    writeSync(fd, value);
  } finally {
    closeSync(fd);
  }
}

function at<T>(once: () => T): Promise<T> {
  return new Promise((resolve) => resolve(once()));
}
