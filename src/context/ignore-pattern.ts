/**
 * One pattern of `.dockerignore`, as moby/patternmatcher understands it: four kinds, told apart by where its wildcards are
 * (SEMANTICS A6, 110). Start at `compileIgnorePattern`.
 */
import { TsbuildError } from '../base/errors.ts';
import { compileGoRegexp } from './go-regexp.ts';
import { GoRegexpError } from './go-regexp-syntax.ts';
import { readSteps } from './pattern.ts';
import { matchSteps, stepsReachBelow, type Step } from './steps.ts';

export type IgnorePattern =
  /** No wildcards: this path. */
  | { readonly kind: 'exact'; readonly path: string }
  /** Wildcards are one `**` at the end: every path that begins so, `**` apart, across names and line feeds. */
  | { readonly kind: 'prefix'; readonly prefix: string }
  /** Wildcards are one `**` at the start: every path that ends so; behind a `/`, also the whole path. */
  | { readonly kind: 'suffix'; readonly suffix: string }
  | { readonly kind: 'steps'; readonly steps: readonly Step[] }
  /** What only Go's regular expressions can tell. */
  | { readonly kind: 'regexp'; readonly isMatch: (text: string) => boolean };

/** Nearly no name has one, and the test without `u` is ten times faster. */
const surrogates = /[\ud800-\udfff]/;
const wildcards = /[*?[\]\\]/;

/**
 * Compiles a pattern that was cleaned already.
 * @throws TsbuildError `PATTERN_INVALID`
 */
export function compileIgnorePattern(pattern: string): IgnorePattern {
  const { steps, isAmbiguous } = readSteps(pattern, { spansDirectories: true });
  // The scanner of patternmatcher drops a byte order mark before it looks for wildcards, and only there.
  const scanned = pattern.replace(/^\ufeff/, '');
  if (!wildcards.test(scanned)) return { kind: 'exact', path: pattern };
  const [, prefix] = /^([^*?[\]\\]+)\*\*$/.exec(scanned) ?? [];
  if (prefix !== undefined) return { kind: 'prefix', prefix: pattern.slice(0, -2) };
  const [, suffix] = /^\*\*([^*?[\]\\]*)$/.exec(scanned) ?? [];
  if (suffix !== undefined) return { kind: 'suffix', suffix: scanned === pattern ? suffix : `\udcbf${scanned}` };
  if (isAmbiguous || scanned !== pattern) return compileExpression(scanned);
  return { kind: 'steps', steps: steps.map((step) => (step.kind === 'text' ? { ...step, text: wellFormed(step.text) } : step)) };
}

/** Go's regular expressions see every byte that is not UTF-8 as U+FFFD. */
function wellFormed(text: string): string {
  return surrogates.test(text) ? text.replace(/\p{Surrogate}/gu, '\ufffd') : text;
}

function compileExpression(pattern: string): IgnorePattern {
  try {
    return { kind: 'regexp', isMatch: compileGoRegexp(writeExpression(wellFormed(pattern))) };
  } catch (cause) {
    if (!(cause instanceof GoRegexpError)) throw cause;
    throw new TsbuildError('usage', 'PATTERN_INVALID', `${pattern}: syntax error in pattern: ${cause.message}`, {
      hint: 'Separate directories by /, and write a backslash only before a character that would be a wildcard.',
      cause,
    });
  }
}

/**
 * The expression that patternmatcher makes of a pattern, by one look at each character: within `[…]` as well, with what it
 * does not escape, and with the meaning that Go gives to letters behind a backslash.
 */
function writeExpression(pattern: string): string {
  const body = pattern.replace(/\*\*\/?$|\*\*\/?|\*|\?|\\(?:.|$)|[.+()$]/gsu, (token, at: number) => {
    if (token.startsWith('**')) return at + token.length === pattern.length ? '.*' : '(.*/)?';
    if (token === '*') return '[^/]*';
    if (token === '?') return '[^/]';
    return token.startsWith('\\') ? token : `\\${token}`;
  });
  return `^${body}$`;
}

/** Whether the pattern matches the whole path. */
export function matchesPattern(pattern: IgnorePattern, path: string): boolean {
  switch (pattern.kind) {
    case 'exact':
      return path === pattern.path;
    case 'prefix':
      return path.startsWith(pattern.prefix);
    case 'suffix':
      return path.endsWith(pattern.suffix) || (pattern.suffix.startsWith('/') && path === pattern.suffix.slice(1));
    case 'steps':
      return matchSteps(pattern.steps, wellFormed(path));
    case 'regexp':
      return pattern.isMatch(wellFormed(path));
  }
}

/** Whether some path below the directory could match: true where that is not certain. */
export function reachesBelow(pattern: IgnorePattern, directory: string): boolean {
  const text = `${directory}/`;
  switch (pattern.kind) {
    case 'exact':
      return pattern.path.startsWith(text) && pattern.path !== text;
    case 'prefix':
      return text.startsWith(pattern.prefix) || pattern.prefix.startsWith(text);
    case 'steps':
      return stepsReachBelow(pattern.steps, wellFormed(directory));
    case 'suffix':
    case 'regexp':
      return true;
  }
}
