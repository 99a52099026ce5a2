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

/** A property that does not hold, with the shrunk input that shows it; null where too many inputs were passed over. */
export class PropertyFailure<Inputs> extends Error {
  readonly counterexample: Inputs | null;

  constructor(counterexample: Inputs | null, message: string, cause: unknown) {
    super(message, { cause });
    this.counterexample = counterexample;
  }
}

/**
 * Runs a property as `fc.assert` does.
 * @throws PropertyFailure with the shrunk input, what it failed with, and the variables that replay it
 */
export function assertProperty<Inputs>(property: fc.IRawProperty<Inputs, false>, parameters: Pick<fc.Parameters<Inputs>, 'numRuns'> = {}, environment: RandomEnvironment = process.env): void {
  assertHolds(fc.check(property, { ...parameters, ...replayed(environment) }));
}

/**
 * The same for what takes time.
 * @returns how many inputs were tried
 * @throws PropertyFailure
 */
export async function assertAsyncProperty<Inputs>(
  property: fc.IRawProperty<Inputs, true>,
  parameters: Pick<fc.Parameters<Inputs>, 'numRuns' | 'interruptAfterTimeLimit'> = {},
  environment: RandomEnvironment = process.env,
): Promise<number> {
  const details = await fc.check(property, { ...parameters, ...replayed(environment) });
  assertHolds(details);
  return details.numRuns;
}

function replayed(environment: RandomEnvironment): { readonly seed: number; readonly path?: string } {
  const path = environment['TSBUILD_RANDOM_PATH'];
  return { seed: randomSeed(environment), ...(path === undefined ? {} : { path }) };
}

function assertHolds<Inputs>(details: fc.RunDetails<Inputs>): void {
  if (!details.failed) return;
  const place = details.counterexamplePath === null ? '' : ` TSBUILD_RANDOM_PATH=${details.counterexamplePath}`;
  const cause: unknown = details.errorInstance;
  const message = `${fc.defaultReportMessage(details)}\n\n${String(cause)}\n\nReplay with TSBUILD_RANDOM_SEED=${details.seed}${place} (the path is that of this test alone: --test-name-pattern)`;
  throw new PropertyFailure(details.counterexample, message, cause);
}
