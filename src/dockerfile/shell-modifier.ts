/**
 * What `${name<modifier>operand}` gives (BuildKit shell/lex.go, processDollar). It does not read text.
 * Start at `applyModifier`.
 */
import { reject } from './rejection.ts';
import { compilePattern, findMatches, trimPrefix, trimSuffix, type PatternMatch, type StepBudget } from './shell-pattern.ts';

/** The modifiers with one operand. With a colon, an empty value counts as none. */
export type Modifier = ':-' | '-' | ':+' | '+' | ':?' | '?' | '#' | '%';

/** A substitution whose operand is already expanded. */
export interface Substitution {
  readonly name: string;
  readonly value: string | undefined;
  readonly modifier: Modifier;
  readonly operand: string;
}

/** Applies a modifier to a variable. @throws TsbuildError `WORD_REQUIRED` from `:?` and `?`, `WORD_PATTERN` from `#` and `%` */
export function applyModifier(substitution: Substitution, budget: StepBudget): string {
  const { value, modifier, operand } = substitution;
  switch (modifier) {
    case ':-': return value === undefined || value === '' ? operand : value;
    case '-': return value ?? operand;
    case ':+': return value === undefined || value === '' ? '' : operand;
    case '+': return value === undefined ? '' : operand;
    case ':?': return value === undefined || value === '' ? rejectUnset(substitution) : value;
    case '?': return value ?? rejectUnset(substitution);
    case '#':
    case '%': return trim(value ?? '', modifier, operand, budget);
  }
}

function rejectUnset({ name, value, operand }: Substitution): never {
  const state = value === undefined ? 'unset' : 'empty';
  reject('WORD_REQUIRED', `${name}: ${operand === '' ? `is not allowed to be ${state}` : operand}`, {
    hint: `Set ${name} with ENV, ARG or --build-arg.`,
  });
}

/** `##` and `%%` arrive as an operand that starts with the sign. */
function trim(value: string, sign: '#' | '%', operand: string, budget: StepBudget): string {
  const greedy = operand.startsWith(sign);
  const pattern = greedy ? operand.slice(1) : operand;
  return sign === '#' ? trimPrefix(value, pattern, greedy, budget) : trimSuffix(value, pattern, greedy, budget);
}

/** `${name/pattern/replacement}`, or `${name//pattern/replacement}` for all matches. */
export interface Replacement {
  readonly pattern: string;
  readonly replacement: string;
  readonly all: boolean;
}

/** The largest value that a replacement may produce, in UTF-16 units. */
const replacedSizeMax = 1024 * 1024;

/** Replaces the first match or all. @throws TsbuildError `WORD_PATTERN`, `WORD_TOO_LARGE` */
export function replaceMatches(value: string, { pattern, replacement, all }: Replacement, budget: StepBudget): string {
  const chars = [...value];
  const pieces: string[] = [];
  let size = 0;
  let from = 0;
  for (const match of findMatches(chars, compilePattern(pattern), all, budget)) {
    const insert = all ? expandTemplate(replacement, chars, match) : replacement;
    size += insert.length;
    if (size > replacedSizeMax) reject('WORD_TOO_LARGE', `a substitution gives more than ${replacedSizeMax} characters`);
    pieces.push(chars.slice(from, match.start).join(''), insert);
    from = match.end;
  }
  return pieces.join('') + chars.slice(from).join('');
}

/**
 * BuildKit replaces all matches with Go's `ReplaceAllString`, in whose template `$0` is the match, `$$` is `$` and any
 * other `$name` is empty. A single replacement is literal. So it is here.
 */
function expandTemplate(template: string, chars: readonly string[], match: PatternMatch): string {
  if (!template.includes('$')) return template;
  return template.replace(/\$(?:(\$)|([\p{L}\p{Nd}_]+)|\{([\p{L}\p{Nd}_]+)\})/gu, (_all, dollar?: string, bare?: string, braced?: string) => {
    if (dollar !== undefined) return '$';
    return (bare ?? braced) === '0' ? chars.slice(match.start, match.end).join('') : '';
  });
}
