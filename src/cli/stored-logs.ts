/** Logs of earlier builds: `tsbuild logs`. */
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoCode, TsbuildError } from '../base/errors.ts';
import type { StepEnd } from '../base/events.ts';
import { endFileName } from '../build/log-files.ts';
import type { LogRequest } from './commands.ts';

/** The log of a step of the last build that has one. */
export async function* openLog(storeRoot: string, request: LogRequest): AsyncGenerator<Uint8Array> {
  const path = await findLog(join(storeRoot, 'logs'), request);
  yield* createReadStream(path) as AsyncIterable<Uint8Array>;
}

/** How that step ended; null where it did not, because the build was interrupted. */
export async function readStepEnd(storeRoot: string, request: LogRequest): Promise<StepEnd | null> {
  const log = await findLog(join(storeRoot, 'logs'), request);
  try {
    return JSON.parse(await readFile(join(dirname(log), endFileName(basename(log, '.log'))), 'utf8')) as StepEnd; // as LogFolder wrote it
  } catch (error) {
    if (errnoCode(error) === 'ENOENT' || error instanceof SyntaxError) return null; // never written, or not to its end
    throw error;
  }
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
