/** Logs of earlier builds: `tsbuild logs`. */
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoCode, TsbuildError } from '../base/errors.ts';
import type { LogRequest } from './commands.ts';

/** The log of a step of the last build that has one. */
export async function* openLog(storeRoot: string, request: LogRequest): AsyncGenerator<Uint8Array> {
  const path = await findLog(join(storeRoot, 'logs'), request);
  yield* createReadStream(path) as AsyncIterable<Uint8Array>;
}

async function findLog(logs: string, request: LogRequest): Promise<string> {
  const build = (await list(logs)).at(-1);
  const steps = build === undefined ? [] : (await list(join(logs, build))).filter((name) => /^\d+\.log$/.test(name));
  const numbers = steps.map((name) => Number.parseInt(name, 10)).sort((a, b) => a - b);
  const wanted = request.which === 'last' ? numbers.at(-1) : numbers.find((number) => String(number) === request.step.replace(/^#/, ''));
  if (build !== undefined && wanted !== undefined) return join(logs, build, `${wanted}.log`);
  throw new TsbuildError('usage', 'LOG_MISSING', request.which === 'last' ? 'logs: no step has run yet' : `logs ${request.step}: the last build has no log of this step`, {
    hint: numbers.length === 0 ? 'Steps from the cache have no logs.' : `Steps with a log: ${numbers.join(', ')}.`,
  });
}

async function list(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return [];
    throw error;
  }
}
