/** What a fuzz target is, and what all of them promise: an answer, or an error for people. Start at `answersOrRefuses`. */
import assert from 'node:assert/strict';
import { TsbuildError } from '../../src/base/errors.ts';
import { renderError } from '../../src/cli/render-error.ts';

export interface FuzzTarget {
  /** As it is called on the command line. */
  readonly name: string;
  /** Inputs to begin with; those that found something are in fixtures/fuzz/NAME. */
  readonly corpus: () => Promise<readonly Buffer[]> | readonly Buffer[];
  /** Words of the format, in Latin-1. */
  readonly words: readonly string[];
  /** How many inputs a run of the test suite tries. */
  readonly runs: number;
  /** @throws when a property does not hold */
  readonly check: (input: Buffer) => void | Promise<void>;
}

const renderedLengthMax = 40_000;

/** An error that may be shown on a terminal: no control characters but tabs, not without end, not a bug of ours. */
export function checkRefusal(error: unknown): void {
  if (!(error instanceof TsbuildError)) throw error;
  assert.notEqual(error.errorClass, 'bug', error.message);
  const shown = renderError(error, { color: false });
  assert.doesNotMatch(shown, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]/u, JSON.stringify(shown));
  assert.ok(shown.length < renderedLengthMax, `an error of ${shown.length} characters`);
}

/** The answer, or null for an input that is refused as it should be. */
export function answersOrRefuses<Answer>(read: () => Answer): Answer | null {
  try {
    return read();
  } catch (error) {
    checkRefusal(error);
    return null;
  }
}

/** The same for what takes time. */
export async function answersOrRefusesLater(read: () => Promise<unknown>): Promise<void> {
  try {
    await read();
  } catch (error) {
    checkRefusal(error);
  }
}
