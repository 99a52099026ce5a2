/** Reads docker's `--call=METHOD[,format=FORMAT][,ignorestatus=BOOL]` and what is short for it. */
import { TsbuildError } from '../../base/errors.ts';
import { parseBool } from '../../dockerfile/values.ts';
import { callMethods, type CallMethod } from '../commands.ts';
import { callFormats, type CallFormat, type CallInvocation } from '../invocation.ts';
import { invalidOption, oneOf, parseFields, type Field } from './csv.ts';

/**
 * What `--call` and `--check` ask for; null for a build.
 * @throws TsbuildError `OPTION_VALUE`, `USAGE`
 */
export function parseCall(call: string | undefined, check: boolean): CallInvocation | null {
  if (call === undefined) return check ? callOf('check') : null;
  const [first, ...settings] = parseFields('--call', call);
  const method = readMethod(first);
  if (check && method !== 'check') throw new TsbuildError('usage', 'USAGE', `--check and --call=${call} ask for different things`, { hint: 'Leave one of them out.' });
  return method === 'build' ? null : settings.reduce(withSetting, callOf(method));
}

function readMethod(field: Field | undefined): CallMethod | 'build' {
  const word = field?.value === null ? field.key : '';
  // docker's name for the check was `lint` at first.
  return word === 'lint' ? 'check' : oneOf('--call', word, ['build', ...callMethods]);
}

function callOf(method: CallMethod): CallInvocation {
  return { method, format: 'text', strict: false, ignoreStatus: false };
}

function withSetting(call: CallInvocation, { key, value }: Field): CallInvocation {
  if (key === 'format') return { ...call, format: parseFormat('--call', call.method, value ?? '') };
  const ignoreStatus = key === 'ignorestatus' ? parseBool(value ?? 'true') : undefined;
  if (ignoreStatus === undefined) throw invalidOption('--call', key, 'must be format=FORMAT or ignorestatus=BOOL');
  return { ...call, ignoreStatus };
}

/** SARIF is a format for findings. */
function parseFormat(option: string, method: CallMethod, word: string): CallFormat {
  return oneOf(option, word, method === 'check' ? callFormats : (['text', 'json'] as const));
}

/** The options of `tsbuild check` besides those of a build. */
export interface RawCheckOptions {
  readonly format?: string;
  readonly json?: boolean;
  readonly strict?: boolean;
}

/** @throws TsbuildError `OPTION_VALUE` */
export function parseCheck({ format, json, strict }: RawCheckOptions): CallInvocation {
  const word = format ?? (json === true ? 'json' : 'text');
  return { ...callOf('check'), format: parseFormat('--format', 'check', word), strict: strict === true };
}
