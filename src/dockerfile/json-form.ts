/**
 * The exec form: an instruction's operands as a JSON array of strings (BuildKit parser/line_parsers.go, Go encoding/json).
 * It does not decide which instructions may have it. Start at `parseJsonForm`.
 */
import { reject } from './rejection.ts';
import { wellFormed } from './well-formed.ts';
import { trimStart } from './whitespace.ts';

/**
 * The strings of the array, or undefined where the text is not a JSON array: it then is in shell form.
 * @throws TsbuildError `JSON_FORM_STRINGS` where the array is valid but has something else than strings in it
 */
export function parseJsonForm(text: string): readonly string[] | undefined {
  const json = trimStart(text);
  if (!json.startsWith('[')) return undefined;
  const values = tryParse(json);
  if (values === undefined) return undefined;
  return values.map((value) => {
    if (typeof value === 'string') return wellFormed(value);
    return reject('JSON_FORM_STRINGS', 'when using JSON array syntax, arrays must be comprised of strings only', {
      hint: 'Quote every element: ["sleep", "5"].',
    });
  });
}

function tryParse(json: string): readonly unknown[] | undefined {
  try {
    const values: unknown = JSON.parse(json);
    return Array.isArray(values) && isReadByGo(values) ? values : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** How deep Go's decoder reads. */
const depthMax = 10_000;

/** Go refuses numbers that no float64 can hold, and deep nesting; that makes the text no JSON at all. */
function isReadByGo(values: readonly unknown[]): boolean {
  let level = values;
  for (let depth = 1; level.length > 0; depth += 1) {
    if (level.some((value) => typeof value === 'number' && !Number.isFinite(value))) return false;
    const inner = level.filter((value) => typeof value === 'object' && value !== null);
    if (inner.length > 0 && depth >= depthMax) return false;
    level = inner.flatMap((value): unknown[] => Object.values(value));
  }
  return true;
}
