/** Looks at a Dockerfile instead of building it, and prints what was found on standard output. Start at `runCall`. */
import { createColors } from 'picocolors';
import { TsbuildError, unreachable } from '../../base/errors.ts';
import type { CheckReport } from '../../build/check.ts';
import { findingsError } from '../../graph/check/check.ts';
import type { BuildRequest } from '../build-request.ts';
import type { Commands } from '../commands.ts';
import type { CallInvocation } from '../invocation.ts';
import type { CliIo } from '../io.ts';
import type { Environment } from '../options/pairs.ts';
import { wantsColor } from '../progress/choose.ts';
import { formatCheckJson } from './check-json.ts';
import { formatCheckSarif } from './check-sarif.ts';
import { formatCheck } from './check-text.ts';
import { formatOutline, formatOutlineJson } from './outline.ts';
import { formatTargets, formatTargetsJson } from './targets.ts';

/** What is asked for, of which Dockerfile. */
interface Call {
  readonly request: BuildRequest;
  readonly call: CallInvocation;
}

/** @throws TsbuildError where the Dockerfile cannot be looked at, has a mistake, or has findings that fail the call */
export async function runCall({ request, call }: Call, signal: AbortSignal, commands: Commands, io: CliIo, env: Environment): Promise<void> {
  const { method, format } = call;
  switch (method) {
    case 'check':
      return report(await commands.check(request, signal), call, io, env);
    case 'outline': {
      const { outline, file } = await commands.outline(request, signal);
      io.stdout.write(format === 'json' ? formatOutlineJson(outline, file) : formatOutline(outline));
      return;
    }
    case 'targets': {
      const { targets, file } = await commands.targets(request, signal);
      io.stdout.write(format === 'json' ? formatTargetsJson(targets, file) : formatTargets(targets));
      return;
    }
    default:
      unreachable(method);
  }
}

function report(checked: CheckReport, { format, strict, ignoreStatus }: CallInvocation, io: CliIo, env: Environment): void {
  const failure = strict || checked.isStrict ? findingsError(checked.findings) : null;
  const error = checked.error ?? failure;
  if (format === 'json') io.stdout.write(formatCheckJson(checked, error));
  else if (format === 'sarif') io.stdout.write(formatCheckSarif(checked, error, io.version));
  else io.stdout.write(formatCheck(checked, createColors(wantsColor(io.stdout, env))));
  if (checked.error !== null) throw checked.error;
  if (failure !== null && !ignoreStatus) throw withoutPosition(failure);
}

/** The lines were shown with the findings. */
function withoutPosition({ errorClass, code, message, hint, details }: TsbuildError): TsbuildError {
  return new TsbuildError(errorClass, code, message, { details, ...(hint === undefined ? {} : { hint }) });
}
