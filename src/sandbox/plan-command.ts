/** Plans the last operation of every step: its process becomes the command. */
import { TsbuildError } from '../base/errors.ts';
import type { Operation } from './operation.ts';
import type { StepSpec } from './step.ts';

/** The command with its environment. @throws TsbuildError `NUL_CHARACTER` */
export function planCommand(spec: StepSpec): Operation {
  for (const [name, value] of spec.env) checkVariable(name, value);
  const env = spec.env.map(([name, value]) => (typeof value === 'string' ? `${name}=${value}` : Buffer.concat([Buffer.from(`${name}=`), value])));
  return { operation: 'exec', argv: spec.argv, env };
}

/** The value may be a secret: it is not shown. */
function checkVariable(name: string, value: string | Uint8Array): void {
  const ends = typeof value === 'string' ? value.includes('\0') : value.includes(0);
  if (!ends && !name.includes('\0')) return;
  throw new TsbuildError('usage', 'NUL_CHARACTER', `run step: the variable ${JSON.stringify(name)} has a NUL character, which no environment can hold`, {
    hint: 'Remove it where the variable is set: by ENV, ARG, a secret or the base image.',
  });
}
