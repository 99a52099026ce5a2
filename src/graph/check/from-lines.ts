/** Rules about what FROM lines substitute (BuildKit dockerfile2llb/validations.go). They look at every stage, needed or not. */
import { TsbuildError } from '../../base/errors.ts';
import type { FromInstruction, Stage } from '../../dockerfile/instruction.ts';
import { comparisonsMax, suggest, type ComparisonBudget } from '../../dockerfile/suggest.ts';
import { expandWord, type Expansion } from '../../dockerfile/words.ts';
import type { Platform } from '../../image/config.ts';
import { parsePlatform } from '../../image/platform.ts';
import { isReference } from '../../image/reference.ts';
import { defaultGlobalArguments, type ArgumentInput } from '../arguments.ts';
import type { EnvList } from '../env-list.ts';
import { goQuote } from '../go-format.ts';
import type { Findings } from './findings.ts';

/** What can be said without an error is said: a word that cannot be read is the plan's to refuse. */
function tryExpand(word: string, env: EnvList, { escape }: { readonly escape: '\\' | '`' }): Expansion | null {
  return attempt(() => expandWord(word, { lookup: (name) => env.get(name), escape }));
}

function attempt<Result>(action: () => Result): Result | null {
  try {
    return action();
  } catch (error) {
    if (error instanceof TsbuildError && error.errorClass === 'usage') return null;
    throw error;
  }
}

/** InvalidDefaultArgInFrom: the file must also make sense without build arguments. */
export function checkDefaultBases(input: ArgumentInput, findings: Findings): void {
  const { dockerfile } = input;
  const defaults = attempt(() => defaultGlobalArguments(input));
  if (defaults === null) return;
  const names = new Set<string>();
  for (const { from, name } of dockerfile.stages) {
    const base = tryExpand(from.base, defaults, dockerfile)?.text;
    if (base === undefined) return;
    if (!isReference(base) && !names.has(base.toLowerCase())) {
      findings.report('InvalidDefaultArgInFrom', `Default value for ARG ${from.base} results in empty or invalid base image name`, from);
    }
    if (name !== undefined) names.add(name);
  }
}

/** UndefinedArgInFrom, RedundantTargetPlatform, FromPlatformFlagConstDisallowed. */
export function checkFromLines(input: ArgumentInput, globals: EnvList, findings: Findings): void {
  const { dockerfile, buildPlatform } = input;
  const names = dockerfile.globalArgs.flatMap(({ args }) => args.map(({ key }) => key));
  const declared: Declared = { names: new Set([...globals.pairs().map(([name]) => name), ...names]), comparisons: { left: comparisonsMax } };
  for (const stage of dockerfile.stages) {
    const { from } = stage;
    const base = tryExpand(from.base, globals, dockerfile);
    if (base !== null) checkUndefined(base.unset, declared, from, findings);
    const platform = from.platform === undefined ? null : tryExpand(from.platform, globals, dockerfile);
    if (platform === null) continue;
    checkUndefined(platform.unset, declared, from, findings);
    checkRedundant(platform, globals, from, findings);
    checkConstant(platform, stage, buildPlatform, findings);
  }
}

interface Declared {
  readonly names: ReadonlySet<string>;
  /** For all wrong names of the file together. */
  readonly comparisons: ComparisonBudget;
}

function checkUndefined(unset: readonly string[], { names, comparisons }: Declared, from: FromInstruction, findings: Findings): void {
  for (const name of unset) {
    if (names.has(name)) continue;
    const near = suggest(name, names, comparisons);
    findings.report('UndefinedArgInFrom', `FROM argument '${name}' is not declared${near === undefined ? '' : ` (did you mean ${near}?)`}`, from);
  }
}

/** The whole platform is `$TARGETPLATFORM`, in whichever spelling. */
function checkRedundant(platform: Expansion, globals: EnvList, from: FromInstruction, findings: Findings): void {
  const [only, ...others] = [...platform.used, ...platform.unset];
  if (only !== 'TARGETPLATFORM' || others.length > 0 || platform.text !== globals.get(only)) return;
  findings.report('RedundantTargetPlatform', `Setting platform to predefined ${from.platform} in FROM is redundant as this is the default behavior`, from);
}

/** A stage whose name says which platform it is for may be for it alone. */
function checkConstant(platform: Expansion, { name = '', from }: Stage, buildPlatform: Platform, findings: Findings): void {
  if (platform.used.length > 0 || platform.unset.length > 0) return;
  const parsed = attempt(() => parsePlatform(platform.text, buildPlatform));
  if (parsed === null || name.includes(parsed.os) || name.includes(parsed.architecture)) return;
  findings.report('FromPlatformFlagConstDisallowed', `FROM --platform flag should not use constant value ${goQuote(platform.text)}`, from);
}
