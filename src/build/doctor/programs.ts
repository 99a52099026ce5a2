/** Programs that a build may start: where they are, and what they call themselves. */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';

const answerLimitMs = 10_000;

/** The path of a program in a search path; null where it is not. */
export async function findProgram(name: string, searchPath: string): Promise<string | null> {
  for (const folder of searchPath.split(':').filter(isAbsolute)) {
    const path = join(folder, name);
    if (await access(path, constants.X_OK).then(() => true, () => false)) return path;
  }
  return null;
}

/** The first line of `git --version`; null where git is not there or does not answer. */
export async function gitVersion(searchPath: string): Promise<string | null> {
  const path = await findProgram('git', searchPath);
  if (path === null) return null;
  const answer = await promisify(execFile)(path, ['--version'], { env: {}, timeout: answerLimitMs }).then(({ stdout }) => stdout, () => null);
  return answer?.split('\n')[0] ?? null;
}
