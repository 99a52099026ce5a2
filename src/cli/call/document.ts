/** What BuildKit's documents about a Dockerfile have in common: places, and the file itself (solver/pb, JSON form). */
import type { JsonValue } from '../../base/canonical.ts';
import type { SourceRange } from '../../base/errors.ts';

/** An instruction of more lines is one range: thousands of findings may be in one of thousands of lines. */
const lineRangesMax = 100;

/** A place as BuildKit writes it: a range for each line. Zeros are left out, the index of the only source too. */
export function locationOf({ startLine, endLine }: SourceRange): JsonValue {
  if (endLine - startLine >= lineRangesMax) return { ranges: [{ start: { line: startLine }, end: { line: endLine } }] };
  const ranges = Array.from({ length: Math.max(endLine - startLine, 0) + 1 }, (_, offset) => {
    const line = startLine + offset;
    return { start: { line }, end: { line } };
  });
  return { ranges };
}

/** Go's `omitempty`: the fields that say something. */
export function filled(fields: Readonly<Record<string, JsonValue>>): { readonly [key: string]: JsonValue } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== '' && value !== false && !(Array.isArray(value) && value.length === 0)));
}

/** The file as BuildKit sends bytes in JSON. */
export function base64Of(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

/** Indented, with a line end. */
export function printDocument(document: JsonValue): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}
