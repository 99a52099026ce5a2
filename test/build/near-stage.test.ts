/** What is told of a base image that cannot be found, where a stage of the file has nearly its name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import { StepReporter } from '../../src/build/observer.ts';
import { planGraph } from '../../src/build/planning.ts';
import { inputOf } from '../graph/support.ts';

/** The hint of a build whose images cannot be found. */
async function hintOf(source: string, errorClass: 'registry' | 'usage' = 'registry'): Promise<string | undefined> {
  const failure = new TsbuildError(errorClass, 'IMAGE_NOT_FOUND', 'pull x: it is not there', { hint: 'Check the name.' });
  const options = { resolver: { resolve: () => Promise.reject(failure) }, pull: false, reporter: new StepReporter(() => undefined, () => 0), signal: new AbortController().signal };
  try {
    await planGraph([inputOf(source)], options);
  } catch (error) {
    assert.ok(error instanceof TsbuildError);
    assert.deepEqual([error.code, error.message, error.position?.file], ['IMAGE_NOT_FOUND', 'pull x: it is not there', 'Dockerfile']);
    return error.hint;
  }
  return assert.fail('planned');
}

test('an image that cannot be found may be a stage that is misspelled (BuildKit, testNameMatchErrors)', async () => {
  assert.equal(await hintOf('FROM scratch AS builder\nFROM buidler\n'), 'Did you mean the stage builder? Check the name.');
  assert.equal(await hintOf('FROM scratch AS builder\nFROM scratch\nCOPY --from=builde /a /b\n'), 'Did you mean the stage builder? Check the name.');
  assert.equal(await hintOf('FROM scratch AS builder\nFROM busybox\n'), 'Check the name.');
  assert.equal(await hintOf('FROM scratch AS builder\nFROM buidler\n', 'usage'), 'Check the name.');
});
