/** An image that cannot be found may have been meant as a stage of the file: FROM and `--from` name either. */
import { TsbuildError } from '../base/errors.ts';
import type { Dockerfile } from '../dockerfile/instruction.ts';
import { suggest } from '../dockerfile/suggest.ts';

/** The same error with the name of a stage that is spelled nearly like the image, if there is one, before its own hint. */
export function withNearStage(error: unknown, reference: string, { stages }: Pick<Dockerfile, 'stages'>): unknown {
  if (!(error instanceof TsbuildError) || error.errorClass !== 'registry') return error;
  const near = suggest(reference.toLowerCase(), stages.flatMap(({ name }) => name ?? []));
  if (near === undefined) return error;
  const { errorClass, code, message, hint, cause, details, position } = error;
  const meant = `Did you mean the stage ${near}?`;
  return new TsbuildError(errorClass, code, message, {
    hint: hint === undefined ? meant : `${meant} ${hint}`, details,
    ...(cause === undefined ? {} : { cause }), ...(position === undefined ? {} : { position }),
  });
}
