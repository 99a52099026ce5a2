/**
 * The exec form: an instruction's operands as a JSON array of strings (BuildKit parser/line_parsers.go, Go encoding/json).
 * It does not decide which instructions may have it. Start at `parseJsonForm`.
 */
import { reject } from './rejection.ts';
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
    if (!Array.isArray(values)) return undefined;
    // Go refuses a number that no float64 can hold; that makes the text no JSON at all.
    return values.some((value) => typeof value === 'number' && !Number.isFinite(value)) ? undefined : values;
  } catch {
    return undefined;
  }
}

const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Go decodes half of a surrogate pair (`"\ud800"`) to U+FFFD; so does every later UTF-8 encoder. */
function wellFormed(text: string): string {
  return text.replace(loneSurrogate, '\ufffd');
}
