/**
 * `npm run fuzz [-- TARGET… --seconds N --seed N]`: fuzzes each target for so long (60 s each unless told) and prints its
 * seed. The C++ targets use libFuzzer where clang++ is installed. What fails is kept in fixtures/fuzz for the tests.
 */
import { parseArgs } from 'node:util';
import { randomSeed } from '../support/property.ts';
import { hasClang, nativeTargets, runNativeTarget } from './native.ts';
import { runTarget } from './run-target.ts';
import { openStreamTargets } from './stream-targets.ts';
import { textTargets } from './text-targets.ts';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } } });
const seconds = Number(values.seconds);
const seed = randomSeed(values.seed === undefined ? process.env : { TSBUILD_RANDOM_SEED: values.seed });

const streams = await openStreamTargets();
const targets = [...textTargets, ...streams.targets];
const names = [...targets.map(({ name }) => name), ...nativeTargets];
const unknown = positionals.filter((name) => !names.some((known) => known === name));
if (unknown.length > 0 || !(seconds > 0)) {
  console.error(`usage: npm run fuzz -- [TARGET…] [--seconds N] [--seed N]\ntargets: ${names.join(', ')}`);
  process.exit(2);
}
const isWanted = (name: string): boolean => positionals.length === 0 || positionals.includes(name);

/** Prints how it went; a failure does not stop the other targets. */
async function report(name: string, run: () => Promise<string>): Promise<void> {
  try {
    console.log(`${name}: seed ${seed}: ${await run()}`);
  } catch (error) {
    process.exitCode = 1;
    console.error(error instanceof Error ? error.message : error);
  }
}

for (const target of targets) {
  if (isWanted(target.name)) await report(target.name, async () => `${await runTarget(target, { seed, runs: 1_000_000_000, timeMsMax: seconds * 1000, keeps: true })} inputs`);
}
await streams.close();
const compiler = hasClang() ? 'clang++' : 'g++';
for (const target of nativeTargets) {
  const options = compiler === 'clang++' ? [`-seed=${seed}`, `-max_total_time=${seconds}`, '-max_len=65536'] : [`-seed=${seed}`, `-runs=${Math.ceil(seconds * 100)}`];
  if (isWanted(target)) await report(target, () => Promise.resolve(runNativeTarget(target, { compiler, options, seconds: seconds * 3 + 300, keeps: true }).trim().split('\n').at(-1) ?? ''));
}
