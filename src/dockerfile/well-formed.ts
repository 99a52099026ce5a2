/**
 * Text without halves of surrogate pairs, which no UTF-8 encoder can write. Start at `wellFormed`.
 */

const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Go decodes half of a pair, and bytes that are not UTF-8, to U+FFFD; so does every later encoder. */
export function wellFormed(text: string): string {
  return text.replace(loneSurrogate, '\ufffd');
}
