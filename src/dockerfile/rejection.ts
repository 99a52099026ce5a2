/**
 * The one way in which this folder says no: a TsbuildError of class `usage` with a code, a message and a place.
 * It does not print. Start at `reject`.
 */
import { TsbuildError, type SourceRange } from '../base/errors.ts';

/** Where a rejection stands and what the user can do. */
export interface RejectionOptions {
  readonly position?: SourceRange;
  readonly hint?: string | undefined;
}

/** Throws the user's error for a wrong Dockerfile. */
export function reject(code: string, message: string, options: RejectionOptions = {}): never {
  throw new TsbuildError('usage', code, message, {
    ...(options.hint === undefined ? {} : { hint: options.hint }),
    ...(options.position === undefined ? {} : { position: options.position }),
  });
}
