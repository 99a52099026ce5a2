/** Access to the files of control groups, small enough that a directory can imitate it in tests. */
import { constants, readFileSync } from 'node:fs';
import { mkdir, readdir, rmdir, writeFile } from 'node:fs/promises';

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

export const cgroupFiles: CgroupFiles = {
  // Such a file is read in 20 microseconds, an answer of a thread takes ten times as long, and a step's layer waits for it.
  // The others can wait for a lock that the kernel holds for milliseconds while it moves a process.
  read: (path) => new Promise((resolve) => resolve(readFileSync(path, 'utf8'))),
  write: (path, value) => writeFile(path, value, { flag: constants.O_WRONLY | constants.O_TRUNC }),
  groups: async (path) => (await readdir(path, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name),
  make: (path) => mkdir(path),
  remove: (path) => rmdir(path),
};
