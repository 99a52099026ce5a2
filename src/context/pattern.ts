/**
 * Patterns over paths: Go's filepath.Match, which COPY sources are written in. Paths are relative, with `/`, without a
 * leading one. It reads patterns into steps (`steps.ts`); what `.dockerignore` makes of them is in `ignore-pattern.ts`.
 * Start at `compileGoPattern`.
 */
import { TsbuildError } from '../base/errors.ts';
import { matchSteps, type Step } from './steps.ts';

/** A pattern that was read. */
export interface Pattern {
  /** Whether the whole path matches. */
  matches(path: string): boolean;
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

/** The pattern that means exactly this path. */
export function literalPattern(path: string): string {
  return path.replace(/[\\*?[]/g, '\\$&');
}

/** Removes the backslashes of a component that has no wildcards. */
export function unescapePattern(pattern: string): string {
  return pattern.replace(/\\(.)/gs, '$1');
}

/**
 * Go's filepath.Match for one path component or a whole path: `*` and `?` stop at `/`, `[…]` classes, `\` escapes.
 * @throws TsbuildError `PATTERN_INVALID`
 */
export function compileGoPattern(pattern: string): Pattern {
  const { steps } = readSteps(pattern, { spansDirectories: false });
  return { matches: (path) => matchSteps(steps, path) };
}

/** A pattern as steps. */
export interface PatternSteps {
  readonly steps: readonly Step[];
  /**
   * Whether something in it means another thing in Go's regular expressions than in filepath.Match: moby/patternmatcher
   * checks patterns by the one and matches them by the other.
   */
  readonly isAmbiguous: boolean;
}

/**
 * Reads a pattern in the syntax of filepath.Match; where it may span directories, `**` is a step of its own.
 * @throws TsbuildError `PATTERN_INVALID`, for whatever filepath.Match refuses
 */
export function readSteps(pattern: string, { spansDirectories }: { readonly spansDirectories: boolean }): PatternSteps {
  return new StepReader(pattern, spansDirectories).read();
}

/** Characters that moby/patternmatcher lets through to the regular expression as operators (it escapes `.+()$` only). */
const operators = '^|{';
/** The same within a class: it rewrites wildcards there as well, and `[` may begin a class like `[:alpha:]`. */
const classOperators = '*?[';
/** What Go refuses behind a backslash, or takes for a class or an assertion. */
const meaningfulEscape = /^(?:[0-9A-Za-z]|[^\0-\x7f])$/u;
/** A byte that is not UTF-8 (base/path-bytes.ts). */
const strayByte = /^[\udc80-\udcff]$/;

/** Reads a pattern once, character by character. */
class StepReader {
  readonly #pattern: string;
  readonly #chars: readonly string[];
  readonly #spansDirectories: boolean;
  readonly #steps: Step[] = [];
  #isAmbiguous = false;
  #text = '';
  #at = 0;

  constructor(pattern: string, spansDirectories: boolean) {
    this.#pattern = pattern;
    this.#chars = [...pattern];
    this.#spansDirectories = spansDirectories;
  }

  read(): PatternSteps {
    for (let char = this.#next(); char !== undefined; char = this.#next()) {
      if (char === '*') this.#add(this.#readStar());
      else if (char === '?') this.#add({ kind: 'one' });
      else if (char === '[') this.#add(this.#readClass());
      else if (char === '\\') this.#text += this.#readEscape();
      else this.#text += this.#note(char, operators);
    }
    this.#endText();
    return { steps: this.#steps, isAmbiguous: this.#isAmbiguous };
  }

  #readEscape(): string {
    const char = this.#next() ?? this.#refuse();
    if (meaningfulEscape.test(char)) this.#isAmbiguous = true;
    return char;
  }

  #note(char: string, ambiguous: string): string {
    if (ambiguous.includes(char)) this.#isAmbiguous = true;
    return char;
  }

  #peek(): string | undefined {
    return this.#chars[this.#at];
  }

  #next(): string | undefined {
    const char = this.#peek();
    this.#at += 1;
    return char;
  }

  #add(step: Step): void {
    this.#endText();
    this.#steps.push(step);
  }

  #endText(): void {
    if (this.#text !== '') this.#steps.push({ kind: 'text', text: this.#text });
    this.#text = '';
  }

  #readStar(): Step {
    if (!this.#spansDirectories || this.#peek() !== '*') return { kind: 'name' };
    this.#at += 1;
    if (this.#peek() === '/') this.#at += 1;
    return { kind: this.#peek() === undefined ? 'rest' : 'directories' };
  }

  #readClass(): Step {
    const negated = this.#peek() === '^';
    if (negated) this.#at += 1;
    const ranges: (readonly [number, number])[] = [];
    while (ranges.length === 0 || this.#peek() !== ']') {
      const low = this.#readClassChar();
      if (this.#peek() !== '-') {
        ranges.push([low, low]);
        continue;
      }
      this.#at += 1;
      const high = this.#readClassChar();
      if (high < low) this.#isAmbiguous = true; // a class of nothing to filepath.Match, an error to regular expressions
      ranges.push([low, high]);
    }
    this.#at += 1;
    return { kind: 'class', negated, ranges };
  }

  #readClassChar(): number {
    const char = this.#next();
    if (char === undefined || char === ']' || char === '-') return this.#refuse();
    const meant = char === '\\' ? this.#readEscape() : this.#note(char, classOperators);
    // A byte that is not UTF-8, and a pattern that ends within a class.
    if (strayByte.test(meant) || this.#peek() === undefined) this.#refuse();
    return meant.codePointAt(0) ?? 0;
  }

  #refuse(): never {
    throw new TsbuildError('usage', 'PATTERN_INVALID', `${this.#pattern}: syntax error in pattern`, {
      hint: 'Close every [ with a ], give every range two ends, and write a character behind every backslash.',
    });
  }
}
