/**
 * Blank characters as Go's unicode.IsSpace and BuildKit's word splitter see them.
 * JavaScript's own `\s` and `trim` differ: they know U+FEFF and not U+0085, so nothing in this folder uses them.
 * Start at `isSpace`.
 */

/** Whether a UTF-16 unit is white space to Go's `unicode.IsSpace`. All such characters lie in the basic plane. */
export function isSpace(code: number): boolean {
  if (code < 0x80) return code === 0x20 || (code >= 0x09 && code <= 0x0d);
  if (code < 0x1680) return code === 0x85 || code === 0xa0;
  return (
    code === 0x1680 || (code >= 0x2000 && code <= 0x200a) || code === 0x2028 || code === 0x2029 ||
    code === 0x202f || code === 0x205f || code === 0x3000
  );
}

/** The text without leading white space. */
export function trimStart(text: string): string {
  let start = 0;
  while (start < text.length && isSpace(text.charCodeAt(start))) start += 1;
  return text.slice(start);
}

/** The text without leading and trailing white space. */
export function trimSpace(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return trimStart(text.slice(0, end));
}

/** The line without the carriage returns and line feeds at its end, however many. */
export function trimLineEnd(line: string): string {
  let end = line.length;
  while (end > 0 && (line[end - 1] === '\n' || line[end - 1] === '\r')) end -= 1;
  return line.slice(0, end);
}

/** BuildKit separates words by these, and not by other Unicode blanks: a no-break space is part of a word. */
const separators = /[\t\v\f\r ]+/;

/** Splits at blanks; the text is trimmed already. */
export function splitBlanks(text: string): string[] {
  return text === '' ? [] : text.split(separators);
}

/** The first word and the rest after the blanks; `rest` is undefined where there is no blank. */
export function cutBlank(text: string): { readonly first: string; readonly rest: string | undefined } {
  const match = separators.exec(text);
  if (match === null) return { first: text, rest: undefined };
  return { first: text.slice(0, match.index), rest: text.slice(match.index + match[0].length) };
}
