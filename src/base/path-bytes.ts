/**
 * Names of files are bytes; strings are what we compare, match and store. Bytes that are not UTF-8 become lone low
 * surrogates U+DC80 to U+DCFF and come back unchanged (the scheme of Python's PEP 383), so that no name is lost.
 */

const surrogates = /[\ud800-\udfff]/;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The string for a name's bytes. */
export function decodePath(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return decodeByParts(bytes);
  }
}

function decodeByParts(bytes: Uint8Array): string {
  let text = '';
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length === 0) {
      text += String.fromCharCode(0xdc00 + (bytes[at] ?? 0));
      at += 1;
    } else {
      text += decoder.decode(bytes.subarray(at, at + length));
      at += length;
    }
  }
  return text;
}

/** Length of the valid UTF-8 sequence at this place, 0 where there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > bytes.length) return 0;
  try {
    decoder.decode(bytes.subarray(at, at + length));
    return length;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return 0;
  }
}

/** The bytes of a string made by `decodePath`. */
export function encodePath(text: string): Buffer {
  if (!surrogates.test(text)) return Buffer.from(text, 'utf8');
  const parts: Buffer[] = [];
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    parts.push(code >= 0xdc80 && code <= 0xdcff ? Buffer.from([code - 0xdc00]) : Buffer.from(char, 'utf8'));
  }
  return Buffer.concat(parts);
}

/** Compares two such strings by their bytes. Without surrogates UTF-16 has the order of UTF-8, and needs no copies. */
export function comparePaths(a: string, b: string): number {
  if (surrogates.test(a) || surrogates.test(b)) return Buffer.compare(encodePath(a), encodePath(b));
  return a < b ? -1 : a > b ? 1 : 0;
}
