/** Files that may be missing or closed to this user, as most of Docker's configuration is. */
import { readdir, readFile } from 'node:fs/promises';
import { errnoCode } from '../base/errors.ts';

const absentCodes = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EISDIR']);

/** The file's text, or null where it is not there for us. */
export async function readOptionalFile(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (absentCodes.has(errnoCode(error) ?? '')) return null;
    throw error;
  }
}

/** The names in a folder, sorted, or none where it is not there for us. */
export async function listOptionalFolder(path: string): Promise<readonly string[]> {
  try {
    return (await readdir(path)).sort();
  } catch (error) {
    if (absentCodes.has(errnoCode(error) ?? '')) return [];
    throw error;
  }
}
