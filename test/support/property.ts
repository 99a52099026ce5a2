/**
 * Properties over random input that can be run again: a failure prints its seed and its path, and two environment
 * variables replay them. Start at `assertProperty`.
 */
import fc from 'fast-check';

/** What replays a run: `TSBUILD_RANDOM_SEED` the same inputs, with `TSBUILD_RANDOM_PATH` the shrunk one alone. */
export type RandomEnvironment = Readonly<Record<string, string | undefined>>;

/** The seed that the environment asks for, else one that nobody chose: a whole number below 1,000,000,000. */
export function randomSeed(environment: RandomEnvironment = process.env): number {
  const text = environment['TSBUILD_RANDOM_SEED'];
  if (text === undefined) return Date.now() % 1_000_000_000;
  if (!/^-?\d{1,10}$/.test(text)) throw new Error(`TSBUILD_RANDOM_SEED: ${text}: not a whole number`);
  return Number(text);
}

/**
 * Runs a property as `fc.assert` does.
 * @throws Error with the shrunk input, what it failed with, and the variables that replay it
 */
export function assertProperty<Inputs>(property: fc.IRawProperty<Inputs, false>, parameters: Pick<fc.Parameters<Inputs>, 'numRuns'> = {}, environment: RandomEnvironment = process.env): void {
  const path = environment['TSBUILD_RANDOM_PATH'];
  const details = fc.check(property, { ...parameters, seed: randomSeed(environment), ...(path === undefined ? {} : { path }) });
  if (!details.failed) return;
  const place = details.counterexamplePath === null ? '' : ` TSBUILD_RANDOM_PATH=${details.counterexamplePath}`;
  const cause: unknown = details.errorInstance;
  throw new Error(`${fc.defaultReportMessage(details)}\n\n${String(cause)}\n\nReplay with TSBUILD_RANDOM_SEED=${details.seed}${place} (the path is that of this test alone: --test-name-pattern)`, {
    cause,
  });
}
