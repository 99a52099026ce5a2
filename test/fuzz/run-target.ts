/** Runs one fuzz target: its corpus as it is, then mistakes made in it. What fails says how it is replayed. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { digestOf, hexOf, type ContentDigest } from '../../src/base/digest.ts';
import { assertAsyncProperty, PropertyFailure } from '../support/property.ts';
import { repository } from '../support/tsbuild.ts';
import { mutated } from './mutate.ts';
import type { FuzzTarget } from './target.ts';

export interface FuzzRun {
  readonly seed: number;
  /** Inputs to try. */
  readonly runs: number;
  /** Stop after so many milliseconds, whatever is left; null: never. */
  readonly timeMsMax: number | null;
  /** Whether an input that fails is written into the kept corpus. */
  readonly keeps: boolean;
}

function keptFolder(name: string): string {
  return join(repository, 'fixtures/fuzz', name);
}

/** The target's own inputs, and those that are kept under fixtures/fuzz. */
export async function corpusOf(target: FuzzTarget): Promise<readonly Buffer[]> {
  const folder = keptFolder(target.name);
  const kept = readdirSync(join(repository, 'fixtures/fuzz')).includes(target.name) ? readdirSync(folder).sort() : [];
  return [...(await target.corpus()), ...kept.map((file) => readFileSync(join(folder, file)))];
}

/**
 * @returns how many inputs were tried
 * @throws PropertyFailure; Error with the shrunk input in base64
 */
export async function runTarget(target: FuzzTarget, { seed, runs, timeMsMax, keeps }: FuzzRun): Promise<number> {
  const corpus = await corpusOf(target);
  for (const input of corpus) await target.check(input);
  const property = fc.asyncProperty(mutated(corpus, target.words), async (input) => target.check(input));
  const parameters = { numRuns: runs, ...(timeMsMax === null ? {} : { interruptAfterTimeLimit: timeMsMax }) };
  try {
    return corpus.length + (await assertAsyncProperty(property, parameters, { ...process.env, TSBUILD_RANDOM_SEED: String(seed) }));
  } catch (error) {
    if (!(error instanceof PropertyFailure)) throw error;
    const [input] = (error as PropertyFailure<[Buffer]>).counterexample ?? []; // the property's only input
    if (input === undefined) throw error;
    if (keeps) keep(target.name, input);
    throw new Error(`${target.name}: ${error.message}\ninput (base64): ${input.toString('base64')}`, { cause: error.cause });
  }
}

function keep(name: string, input: Buffer): void {
  const folder = keptFolder(name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, hexOf(digestOf<ContentDigest>(input)).slice(0, 16)), input);
}
