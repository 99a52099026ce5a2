/**
 * "Did you mean": the known word nearest to a wrong one, as BuildKit's util/suggest finds it,
 * but that `RNU` is one edit from RUN, not two.
 * It knows no words of its own. Start at `suggest`.
 */

/** A word further away than this many edits is no suggestion (the same limit as in HCL and BuildKit). */
const distanceMax = 2;
/** Longer words are not compared: nobody misspells one of ours that badly. */
const wordLengthMax = 64;

/** So many words of one file are compared: a file of thousands of wrong names must not take minutes. */
export const comparisonsMax = 20_000;

/** Counts comparisons down to zero. */
export interface ComparisonBudget {
  left: number;
}

/**
 * The first of the known words with the fewest edits, at most two; undefined where none is near.
 * @param budget without it all known words are compared; when it is used up, none is near
 */
export function suggest(word: string, known: Iterable<string>, budget?: ComparisonBudget): string | undefined {
  if (word.length > wordLengthMax) return undefined;
  let best: string | undefined;
  let bestDistance = distanceMax + 1;
  for (const candidate of known) {
    if (budget !== undefined && (budget.left -= 1) < 0) return best;
    const distance = editDistance(word, candidate);
    if (distance === 0) return undefined;
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** The suggestion as a hint, each word shown with `prefix` (`--` for flags). */
export function suggestionHint(word: string, known: Iterable<string>, prefix = ''): string | undefined {
  const match = suggest(word, known);
  return match === undefined ? undefined : `Did you mean ${prefix}${match}?`;
}

/**
 * Levenshtein's distance with neighbours that changed places as one edit (optimal string alignment), one row at a time; or
 * something above the limit, because most words are far from each other.
 */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > distanceMax) return distanceMax + 1;
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? (beforeLast[j - 2] ?? 0) + 1 : replaced;
      row.push(Math.min(replaced, swapped, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    if (Math.min(...row, ...last) > distanceMax) return distanceMax + 1; // and so are all rows to come
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
