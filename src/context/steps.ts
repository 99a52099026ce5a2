/**
 * The machine behind patterns over paths. A pattern is a list of steps, and matching carries the set of places reached in
 * the text from step to step, so that its time is bounded by the product of both lengths, whatever the pattern: a regular
 * expression of JavaScript's would not be. Start at `matchSteps`; `pattern.ts` reads patterns into steps.
 */

export type Step =
  | { readonly kind: 'text'; readonly text: string }
  /** `?`: one character, not `/`. */
  | { readonly kind: 'one' }
  /** `[…]`: one character; as in Go it may be `/`. */
  | { readonly kind: 'class'; readonly negated: boolean; readonly ranges: readonly (readonly [low: number, high: number])[] }
  /** `*`: any number of characters, none of them `/`. */
  | { readonly kind: 'name' }
  /** `**` before something: nothing, or anything that ends in `/` and has no line feed, which Go's `.` does not match. */
  | { readonly kind: 'directories' }
  /** `**` at the end: anything without a line feed. */
  | { readonly kind: 'rest' };

/** Whether the steps take the whole text. */
export function matchSteps(steps: readonly Step[], text: string): boolean {
  let places: readonly number[] = [0];
  for (const step of steps) {
    if (places.length === 0) return false;
    places = advance(step, text, places);
  }
  return places.at(-1) === text.length;
}

/** Whether the steps could take some path below the directory: true where that is not certain. */
export function stepsReachBelow(steps: readonly Step[], directory: string): boolean {
  const text = `${directory}/`;
  let places: readonly number[] = [0];
  for (const step of steps) {
    if (places.length === 0) return false;
    if (places.at(-1) === text.length || canGoOn(step, text, places)) return true;
    places = advance(step, text, places);
  }
  return false;
}

/** Whether the step could begin in the text and end behind it. */
function canGoOn(step: Step, text: string, places: readonly number[]): boolean {
  if (step.kind === 'directories' || step.kind === 'rest') return true;
  return step.kind === 'text' && places.some((at) => step.text.startsWith(text.slice(at)));
}

/** The places behind the step, in ascending order, each once. */
function advance(step: Step, text: string, places: readonly number[]): readonly number[] {
  switch (step.kind) {
    case 'text':
      return places.filter((at) => text.startsWith(step.text, at)).map((at) => at + step.text.length);
    case 'one':
      return places.filter((at) => at < text.length && text.charAt(at) !== '/').map((at) => at + widthAt(text, at));
    case 'class':
      return places.filter((at) => at < text.length && isInClass(step, text.codePointAt(at) ?? 0)).map((at) => at + widthAt(text, at));
    case 'name':
      return advanceName(text, places);
    case 'directories':
      return advanceDirectories(text, places);
    case 'rest':
      return advanceRest(text, places);
  }
}

/** Whether a class takes the character. */
export function isInClass({ negated, ranges }: Extract<Step, { readonly kind: 'class' }>, code: number): boolean {
  return ranges.some(([low, high]) => low <= code && code <= high) !== negated;
}

/** Length of the character at this place in UTF-16 units. */
function widthAt(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}

function advanceName(text: string, places: readonly number[]): readonly number[] {
  const reached: number[] = [];
  for (const start of places) {
    // A place within the name that an earlier one went through adds nothing.
    if (start <= (reached.at(-1) ?? -1)) continue;
    let at = start;
    for (; at < text.length && text.charAt(at) !== '/'; at += widthAt(text, at)) reached.push(at);
    reached.push(at);
  }
  return reached;
}

function advanceDirectories(text: string, places: readonly number[]): readonly number[] {
  const reached = new Set(places);
  let until = 0;
  for (const start of places) {
    for (let at = Math.max(start, until); at < text.length && text.charAt(at) !== '\n'; at++) {
      if (text.charAt(at) === '/') reached.add(at + 1);
      until = at + 1;
    }
  }
  return [...reached].sort((a, b) => a - b);
}

function advanceRest(text: string, places: readonly number[]): readonly number[] {
  const reached: number[] = [];
  for (const start of places) {
    if (start <= (reached.at(-1) ?? -1)) continue;
    let at = start;
    for (; at < text.length && text.charAt(at) !== '\n'; at += widthAt(text, at)) reached.push(at);
    reached.push(at);
  }
  return reached;
}
