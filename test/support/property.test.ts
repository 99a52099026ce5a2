/** Random tests say how they are replayed, and all of them can be. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { assertProperty, randomSeed } from './property.ts';
import { repository } from './tsbuild.ts';

/** Fails for one number in two hundred, and tells each that it was asked about. */
function rareFailure(asked: number[]): fc.IRawProperty<[number], false> {
  return fc.property(fc.nat(1_000_000), (number) => {
    asked.push(number);
    assert.ok(number % 200 !== 7, `${number} is rare`);
  });
}

/** The variables that the message names. */
function replayOf(message: string): Record<string, string> {
  const match = /TSBUILD_RANDOM_SEED=(-?\d+) TSBUILD_RANDOM_PATH=([\d:]+)/.exec(message);
  assert.ok(match, message);
  return { TSBUILD_RANDOM_SEED: match[1] ?? '', TSBUILD_RANDOM_PATH: match[2] ?? '' };
}

function failureOf(run: () => void): Error {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  }
  return assert.fail('the property held');
}

test('a property that fails names its input, its cause, its seed and its path; they replay it at once', () => {
  const first: number[] = [];
  const { message, cause } = failureOf(() => assertProperty(rareFailure(first), { numRuns: 5000 }, { TSBUILD_RANDOM_SEED: '42' }));
  assert.match(message, /Counterexample: \[\d+\]/);
  assert.match(String(cause), /is rare/);
  const environment = replayOf(message);
  assert.equal(environment['TSBUILD_RANDOM_SEED'], '42');
  const again: number[] = [];
  const replayed = failureOf(() => assertProperty(rareFailure(again), { numRuns: 5000 }, environment));
  assert.equal(again[0], Number(/Counterexample: \[(\d+)\]/.exec(message)?.[1]));
  assert.deepEqual(replayOf(replayed.message), environment);
});

test('the same seed gives the same inputs, and a property that holds says nothing', () => {
  const inputsOf = (seed: string): number[] => {
    const inputs: number[] = [];
    assertProperty(fc.property(fc.nat(), (number) => void inputs.push(number)), { numRuns: 50 }, { TSBUILD_RANDOM_SEED: seed });
    return inputs;
  };
  assert.equal(inputsOf('1').length, 50);
  assert.deepEqual(inputsOf('1'), inputsOf('1'));
  assert.notDeepEqual(inputsOf('1'), inputsOf('2'));
});

test('a seed that is no number is refused, not taken for another', () => {
  assert.equal(randomSeed({ TSBUILD_RANDOM_SEED: '-7' }), -7);
  assert.throws(() => randomSeed({ TSBUILD_RANDOM_SEED: 'x' }), /TSBUILD_RANDOM_SEED: x: not a whole number/);
});

test('no test runs a property that could not be replayed', () => {
  const folder = join(repository, 'test');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts') && !file.startsWith('support/property'));
  const wrong = files.filter((file) => /\bfc\.(?:assert|check)\(|env\['TSBUILD_RANDOM_SEED'\]/.test(readFileSync(join(folder, file), 'utf8')));
  assert.ok(files.length > 100);
  assert.deepEqual(wrong, []);
});
