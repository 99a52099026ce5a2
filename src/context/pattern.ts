/**
 * Patterns over paths: Go's filepath.Match for COPY sources, and moby/patternmatcher's dialect for `.dockerignore`.
 * Both are compiled to regular expressions without nested quantifiers over the same characters, so that no pattern
 * makes matching slow. Paths are relative, with `/`, without a leading one.
 */
import { TsbuildError } from '../base/errors.ts';

function escapeRegExp(char: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char;
}

/** Whether a COPY source has wildcards: then it may match nothing (SEMANTICS A6, 56). */
export function hasWildcards(pattern: string): boolean {
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern.charAt(at);
    if (char === '\\') at += 1;
    else if (char === '*' || char === '?' || char === '[') return true;
  }
  return false;
}

/** Removes the backslashes of a component that has no wildcards. */
export function unescapePattern(pattern: string): string {
  return pattern.replace(/\\(.)/gs, '$1');
}

interface ClassResult {
  readonly source: string;
  readonly next: number;
}

function invalid(pattern: string): TsbuildError {
  return new TsbuildError('usage', 'PATTERN_INVALID', `${pattern}: syntax error in pattern`, {
    hint: 'Close every [ with a ], and give every range two ends.',
  });
}

/** A `[...]` class; `at` stands behind the opening bracket. */
function compileClass(pattern: string, start: number): ClassResult {
  let at = start;
  const negated = pattern.charAt(at) === '^';
  if (negated) at += 1;
  let source = '';
  let ranges = 0;
  const char = (): string => {
    if (pattern.charAt(at) === '\\') at += 1;
    const value = pattern.charAt(at);
    if (value === '' || (value === ']' && pattern.charAt(at - 1) !== '\\') || (value === '-' && pattern.charAt(at - 1) !== '\\')) throw invalid(pattern);
    at += 1;
    return value;
  };
  while (at < pattern.length && !(pattern.charAt(at) === ']' && ranges > 0)) {
    const low = char();
    let high = low;
    if (pattern.charAt(at) === '-') {
      at += 1;
      high = char();
    }
    ranges += 1;
    if (low <= high) source += `${escapeClass(low)}-${escapeClass(high)}`;
  }
  if (pattern.charAt(at) !== ']') throw invalid(pattern);
  if (source === '') return { source: negated ? '[^/]' : '(?!)', next: at + 1 };
  return { source: negated ? `(?!/)[^${source}]` : `(?!/)[${source}]`, next: at + 1 };
}

function escapeClass(char: string): string {
  return /[\\\]^-]/.test(char) ? `\\${char}` : char;
}

/**
 * Go's filepath.Match for one path component or a whole path: `*` and `?` stop at `/`, `[…]` classes, `\` escapes.
 * @throws TsbuildError `PATTERN_INVALID`
 */
export function compileGoPattern(pattern: string): RegExp {
  let source = '';
  let at = 0;
  while (at < pattern.length) {
    const char = pattern.charAt(at);
    at += 1;
    if (char === '*') {
      while (pattern.charAt(at) === '*') at += 1;
      source += '[^/]*';
    } else if (char === '?') source += '[^/]';
    else if (char === '[') {
      const compiled = compileClass(pattern, at);
      source += compiled.source;
      at = compiled.next;
    } else if (char === '\\') {
      if (at >= pattern.length) throw invalid(pattern);
      source += escapeRegExp(pattern.charAt(at));
      at += 1;
    } else source += escapeRegExp(char);
  }
  return new RegExp(`^${source}$`, 'su');
}

/** The `**` dialect of `.dockerignore`: `**` spans directories, and `**` before `/` may stand for none at all. */
export function compileIgnorePattern(pattern: string): RegExp {
  let source = '^';
  let at = 0;
  while (at < pattern.length) {
    const char = pattern.charAt(at);
    at += 1;
    if (char === '*') {
      if (pattern.charAt(at) !== '*') {
        source += '[^/]*';
        continue;
      }
      at += 1;
      if (pattern.charAt(at) === '/') at += 1;
      if (at >= pattern.length) source += '.*';
      else source += '(?:.*/)?';
    } else if (char === '?') source += '[^/]';
    else if (char === '\\') {
      source += at < pattern.length ? escapeRegExp(pattern.charAt(at)) : '\\\\';
      at += 1;
    } else if (char === '[') {
      const compiled = compileClass(pattern, at);
      source += compiled.source;
      at = compiled.next;
    } else source += escapeRegExp(char);
  }
  return new RegExp(`${source}$`, 'su');
}
