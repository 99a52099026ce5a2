/** Finds and reads the ignore file of a context on this machine. Nothing that could make it wait is read. */
import { constants } from 'node:fs';
import { lstat, open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoCode, messageOf, TsbuildError } from '../base/errors.ts';
import { decodePath } from '../base/path-bytes.ts';
import { ignoreFileSizeMax, ignoreNothing, parseIgnore, type Ignore } from '../context/ignore.ts';

/**
 * The ignore rules of the main context: next to the Dockerfile, else at the context's root; never both (SEMANTICS A6, 107).
 * @throws TsbuildError `IGNORE_UNREADABLE`, `IGNORE_TOO_LARGE`, `IGNORE_INVALID`
 */
export async function readIgnore(root: string, dockerfilePath: string | null): Promise<Ignore> {
  const own = dockerfilePath === null ? null : await readIgnoreFile(`${dockerfilePath}.dockerignore`);
  return own ?? (await readIgnoreFile(join(root, '.dockerignore'))) ?? ignoreNothing;
}

/** Null where there is none. A link that leads nowhere is not taken for none: what it should hide would be copied. */
async function readIgnoreFile(path: string): Promise<Ignore | null> {
  let file: FileHandle;
  try {
    // O_NONBLOCK: a fifo of this name must not hang the build.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (cause) {
    const code = errnoCode(cause) ?? '';
    if (code === 'ENAMETOOLONG' || (code === 'ENOENT' && !(await isDanglingLink(path)))) return null;
    throw unreadable(path, code === 'ENOENT' ? 'the link leads nowhere' : code === 'EACCES' ? 'permission denied' : messageOf(cause), cause);
  }
  try {
    return parseIgnore(decodePath(await readBytes(file, path)), path);
  } finally {
    await file.close();
  }
}

async function isDanglingLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return false;
    throw error;
  }
}

async function readBytes(file: FileHandle, path: string): Promise<Uint8Array> {
  const found = await file.stat();
  if (!found.isFile()) throw unreadable(path, found.isDirectory() ? 'it is a directory' : 'it is not a regular file');
  if (found.size <= ignoreFileSizeMax) {
    // One byte more than it had: a file that grows is not read on and on.
    const { buffer, bytesRead } = await file.read(Buffer.alloc(found.size + 1), 0, found.size + 1, 0);
    return buffer.subarray(0, bytesRead);
  }
  throw new TsbuildError('usage', 'IGNORE_TOO_LARGE', `read ignore file: ${path}: it has more than ${ignoreFileSizeMax} bytes`, {
    hint: 'Name directories instead of the files in them.',
  });
}

function unreadable(path: string, reason: string, cause?: unknown): TsbuildError {
  return new TsbuildError('usage', 'IGNORE_UNREADABLE', `read ignore file: ${path}: ${reason}`, {
    hint: 'Make it a text file with one pattern a line, or remove it.',
    ...(cause === undefined ? {} : { cause }),
  });
}
