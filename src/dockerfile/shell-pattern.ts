/**
 * The wildcard patterns of `${x#p}`, `${x%p}` and `${x/p/r}`: `*`, `?` and literals, no brackets
 * (BuildKit shell/lex.go, convertShellPatternToRegex). Wildcards do not cross a line feed.
 * It does not use regular expressions: those of JavaScript can take exponential time. Start at `compilePattern`.
 */
import { reject } from './rejection.ts';

/** What one place of a pattern matches: a character (a Unicode code point), any one, or any number of them. */
type Token = { readonly kind: 'char'; readonly char: string } | { readonly kind: 'one' } | { readonly kind: 'many' };

/** A compiled pattern. */
export type Pattern = readonly Token[];

/** Work of one match: characters of the value times places of the pattern. */
export const patternStepsMax = 50_000_000;

/** Counts the work of one expansion down to zero. */
export interface StepBudget {
  left: number;
}

/** Compiles a pattern. @throws TsbuildError `WORD_PATTERN` for a backslash before anything but `*`, `?`, `\`, `}` and `/` */
export function compilePattern(pattern: string): Pattern {
  const tokens: Token[] = [];
  // text/scanner, which BuildKit reads patterns with, drops a byte order mark at the very beginning.
  const chars = [...pattern.replace(/^\ufeff/, '')];
  for (let at = 0; at < chars.length; at += 1) {
    const char = chars[at];
    if (char === '*') tokens.push({ kind: 'many' });
    else if (char === '?') tokens.push({ kind: 'one' });
    else if (char === '\\') {
      at += 1;
      tokens.push({ kind: 'char', char: escaped(pattern, chars[at]) });
    } else if (char !== undefined) tokens.push({ kind: 'char', char });
  }
  return tokens;
}

function escaped(pattern: string, char: string | undefined): string {
  if (char !== undefined && '*?\\}/'.includes(char)) return char;
  return reject('WORD_PATTERN', `invalid pattern (${pattern}) in substitution: invalid escape '\\${char ?? ''}'`);
}

/** Without the shortest (or, if greedy, longest) prefix that the pattern matches. */
export function trimPrefix(value: string, pattern: string, greedy: boolean, budget: StepBudget): string {
  const chars = [...value];
  const end = matchAt(chars, 0, compilePattern(pattern), greedy, budget);
  return end < 0 ? value : chars.slice(end).join('');
}

/** Without the shortest (or, if greedy, longest) suffix that the pattern matches. */
export function trimSuffix(value: string, pattern: string, greedy: boolean, budget: StepBudget): string {
  const chars = [...value].toReversed();
  const end = matchAt(chars, 0, compilePattern(reversePattern(pattern)), greedy, budget);
  return end < 0 ? value : chars.slice(end).toReversed().join('');
}

/** The pattern as text, from its end; escapes stay before what they escape, but a last one comes to escape what was before it. */
function reversePattern(pattern: string): string {
  return (pattern.match(/\\[^]|[^]/gu) ?? []).toReversed().join('');
}

/** The half-open range of a match, in code points. */
export interface PatternMatch {
  readonly start: number;
  readonly end: number;
}

/** The leftmost longest matches from left to right; an empty match next to the one before does not count. */
export function findMatches(chars: readonly string[], pattern: Pattern, all: boolean, budget: StepBudget): PatternMatch[] {
  const starts = findStarts(chars, pattern, budget);
  const matches: PatternMatch[] = [];
  let previousEnd = -1;
  for (let start = 0; start <= chars.length; start += 1) {
    if (starts[start] !== true) continue;
    const end = matchAt(chars, start, pattern, true, budget);
    if (end === start && start === previousEnd) continue;
    matches.push({ start, end });
    if (!all) return matches;
    previousEnd = end;
    if (end > start) start = end - 1;
  }
  return matches;
}

/** Where a match can start: one pass of the reversed pattern over the reversed value, starting everywhere. */
function findStarts(chars: readonly string[], pattern: Pattern, budget: StepBudget): boolean[] {
  const machine = new Machine(pattern.toReversed(), budget);
  const starts: boolean[] = [];
  for (let at = chars.length; at >= 0; at -= 1) {
    machine.start();
    starts[at] = machine.isAccepting;
    const char = chars[at - 1];
    if (char !== undefined) machine.step(char);
  }
  return starts;
}

/** The end of the match that starts at the offset, or -1. */
function matchAt(chars: readonly string[], from: number, pattern: Pattern, greedy: boolean, budget: StepBudget): number {
  const machine = new Machine(pattern, budget);
  machine.start();
  let end = -1;
  for (let at = from; ; at += 1) {
    if (machine.isAccepting) {
      end = at;
      if (!greedy) return end;
    }
    const char = chars[at];
    if (char === undefined || !machine.isAlive) return end;
    machine.step(char);
  }
}

/** All places of the pattern that the text read so far can have reached, advanced one character at a time. */
class Machine {
  readonly #pattern: Pattern;
  readonly #budget: StepBudget;
  #reached: Uint8Array;
  #next: Uint8Array;
  isAlive = false;

  constructor(pattern: Pattern, budget: StepBudget) {
    this.#pattern = pattern;
    this.#budget = budget;
    this.#reached = new Uint8Array(pattern.length + 1);
    this.#next = new Uint8Array(pattern.length + 1);
    this.#spend();
  }

  get isAccepting(): boolean {
    return this.#reached[this.#pattern.length] === 1;
  }

  /** Adds the beginning to the places reached. */
  start(): void {
    this.#reach(this.#reached, 0);
    this.isAlive = true;
  }

  step(char: string): void {
    const pattern = this.#pattern;
    this.#spend();
    this.#next.fill(0);
    this.isAlive = false;
    for (let place = 0; place < pattern.length; place += 1) {
      const token = pattern[place];
      if (this.#reached[place] !== 1 || token === undefined) continue;
      if (token.kind === 'many' && char !== '\n') this.#reach(this.#next, place);
      else if (token.kind === 'one' ? char !== '\n' : token.kind === 'char' && token.char === char) this.#reach(this.#next, place + 1);
    }
    [this.#reached, this.#next] = [this.#next, this.#reached];
  }

  #spend(): void {
    this.#budget.left -= this.#pattern.length + 1;
    if (this.#budget.left < 0) reject('WORD_PATTERN_COST', `a pattern in a substitution takes more than ${patternStepsMax} steps`);
  }

  /** A place is reached; a `*` there may match nothing, so the place behind it is too. */
  #reach(places: Uint8Array, place: number): void {
    this.isAlive = true;
    for (let at = place; ; at += 1) {
      if (places[at] === 1) return;
      places[at] = 1;
      if (this.#pattern[at]?.kind !== 'many') return;
    }
  }
}
