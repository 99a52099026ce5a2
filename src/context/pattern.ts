/**
 * Patterns over paths: Go's filepath.Match for COPY sources, and moby/patternmatcher's dialect for `.dockerignore`.
 * Paths are relative, with `/`, without a leading one. No regular expressions: a pattern is a list of steps, and matching
 * carries the set of places reached in the text from step to step, so that its time is bounded by the product of both
 * lengths, whatever the pattern. Start at `Pattern`.
 */
import { TsbuildError } from '../base/errors.ts';

/** A pattern that was read. */
export interface Pattern {
  /** Whether the whole path matches. */
  matches(path: string): boolean;
  /** Whether some path below the directory could match: true where that is not certain. */
  reaches(directory: string): boolean;
}

type Step =
  | { readonly kind: 'text'; readonly text: string }
  /** `?`: one character, not `/`. */
  | { readonly kind: 'one' }
  /** `[…]`: one character; as in Go it may be `/`. */
  | { readonly kind: 'class'; readonly negated: boolean; readonly ranges: readonly (readonly [low: number, high: number])[] }
  /** `*`: any number of characters, none of them `/`. */
  | { readonly kind: 'name' }
  /** `**` before something: nothing, or anything that ends in `/`. */
  | { readonly kind: 'directories' }
  /** `**` at the end: anything. */
  | { readonly kind: 'rest' };

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
  return patternOf(new StepReader(pattern, false).read());
}

/**
 * The `**` dialect of `.dockerignore`: `**` spans directories, and `**` before `/` may stand for none at all.
 * @throws TsbuildError `PATTERN_INVALID`
 */
export function compileIgnorePattern(pattern: string): Pattern {
  // patternmatcher takes `**` before plain text for "ends in": `**.log` matches `a.log`, though `a**.log` does not match `ab.log`.
  const suffix = /^\*\*([^/*?[\]\\][^*?[\]\\]*)$/s.exec(pattern)?.[1];
  return patternOf(suffix === undefined ? new StepReader(pattern, true).read() : [{ kind: 'rest' }, { kind: 'text', text: suffix }]);
}

function patternOf(steps: readonly Step[]): Pattern {
  return {
    matches(path) {
      let places: readonly number[] = [0];
      for (const step of steps) {
        if (places.length === 0) return false;
        places = advance(step, path, places);
      }
      return places.at(-1) === path.length;
    },
    reaches(directory) {
      const path = `${directory}/`;
      let places: readonly number[] = [0];
      for (const step of steps) {
        if (places.length === 0) return false;
        if (places.at(-1) === path.length || canGoOn(step, path, places)) return true;
        places = advance(step, path, places);
      }
      return false;
    },
  };
}

/** Whether the step could begin in the path and end behind it. */
function canGoOn(step: Step, path: string, places: readonly number[]): boolean {
  if (step.kind === 'directories' || step.kind === 'rest') return true;
  return step.kind === 'text' && places.some((at) => step.text.startsWith(path.slice(at)));
}

/** The places behind the step, in ascending order, each once. */
function advance(step: Step, path: string, places: readonly number[]): readonly number[] {
  switch (step.kind) {
    case 'text':
      return places.filter((at) => path.startsWith(step.text, at)).map((at) => at + step.text.length);
    case 'one':
      return places.filter((at) => at < path.length && path.charAt(at) !== '/').map((at) => at + widthAt(path, at));
    case 'class':
      return places.filter((at) => at < path.length && isInClass(step, path.codePointAt(at) ?? 0)).map((at) => at + widthAt(path, at));
    case 'name':
      return advanceName(path, places);
    case 'directories':
      return advanceDirectories(path, places);
    case 'rest':
      return advanceRest(path, places);
  }
}

function isInClass({ negated, ranges }: Extract<Step, { readonly kind: 'class' }>, code: number): boolean {
  return ranges.some(([low, high]) => low <= code && code <= high) !== negated;
}

/** Length of the character at this place in UTF-16 units. */
function widthAt(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}

function advanceName(path: string, places: readonly number[]): readonly number[] {
  const reached: number[] = [];
  for (const start of places) {
    // A place within the name that an earlier one went through adds nothing.
    if (start <= (reached.at(-1) ?? -1)) continue;
    let at = start;
    for (; at < path.length && path.charAt(at) !== '/'; at += widthAt(path, at)) reached.push(at);
    reached.push(at);
  }
  return reached;
}

function advanceDirectories(path: string, places: readonly number[]): readonly number[] {
  const [start = 0] = places;
  const reached = [start];
  for (let at = path.indexOf('/', start); at >= 0; at = path.indexOf('/', at + 1)) reached.push(at + 1);
  if (places.length === 1) return reached;
  return [...new Set([...reached, ...places])].sort((a, b) => a - b);
}

function advanceRest(path: string, places: readonly number[]): readonly number[] {
  const reached: number[] = [];
  for (let at = places[0] ?? 0; at < path.length; at += widthAt(path, at)) reached.push(at);
  return [...reached, path.length];
}

/** Reads a pattern once, character by character. */
class StepReader {
  readonly #pattern: string;
  readonly #chars: readonly string[];
  readonly #spansDirectories: boolean;
  readonly #steps: Step[] = [];
  #text = '';
  #at = 0;

  constructor(pattern: string, spansDirectories: boolean) {
    this.#pattern = pattern;
    this.#chars = [...pattern];
    this.#spansDirectories = spansDirectories;
  }

  read(): readonly Step[] {
    for (let char = this.#next(); char !== undefined; char = this.#next()) {
      if (char === '*') this.#add(this.#readStar());
      else if (char === '?') this.#add({ kind: 'one' });
      else if (char === '[') this.#add(this.#readClass());
      else this.#text += char === '\\' ? (this.#next() ?? this.#refuse()) : char;
    }
    this.#endText();
    return this.#steps;
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
      ranges.push([low, this.#readClassChar()]);
    }
    this.#at += 1;
    return { kind: 'class', negated, ranges };
  }

  #readClassChar(): number {
    let char = this.#next();
    if (char === ']' || char === '-') this.#refuse();
    if (char === '\\') char = this.#next();
    return char?.codePointAt(0) ?? this.#refuse();
  }

  #refuse(): never {
    throw new TsbuildError('usage', 'PATTERN_INVALID', `${this.#pattern}: syntax error in pattern`, {
      hint: 'Close every [ with a ], give every range two ends, and write a character behind every backslash.',
    });
  }
}
