/**
 * How many columns text takes on a terminal, and cutting it to fit.
 * Widths follow Unicode's East Asian Width (UAX 11) and emoji presentation, as wcwidth does; where terminals differ the
 * larger one is taken, so that a line may end early but never wraps.
 */

// [first, last] of the wide ranges (W and F, and emoji shown as pictures), sorted.
const wide: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f], [0x231a, 0x231b], [0x2329, 0x232a], [0x23e9, 0x23ec], [0x23f0, 0x23f0], [0x23f3, 0x23f3],
  [0x25fd, 0x25fe], [0x2614, 0x2615], [0x2648, 0x2653], [0x267f, 0x267f], [0x2693, 0x2693], [0x26a1, 0x26a1],
  [0x26aa, 0x26ab], [0x26bd, 0x26be], [0x26c4, 0x26c5], [0x26ce, 0x26ce], [0x26d4, 0x26d4], [0x26ea, 0x26ea],
  [0x26f2, 0x26f3], [0x26f5, 0x26f5], [0x26fa, 0x26fa], [0x26fd, 0x26fd], [0x2705, 0x2705], [0x270a, 0x270b],
  [0x2728, 0x2728], [0x274c, 0x274c], [0x274e, 0x274e], [0x2753, 0x2755], [0x2757, 0x2757], [0x2795, 0x2797],
  [0x27b0, 0x27b0], [0x27bf, 0x27bf], [0x2b1b, 0x2b1c], [0x2b50, 0x2b50], [0x2b55, 0x2b55], [0x2e80, 0x303e],
  [0x3041, 0x33ff], [0x3400, 0x4dbf], [0x4e00, 0x9fff], [0xa000, 0xa4cf], [0xa960, 0xa97f], [0xac00, 0xd7a3],
  [0xf900, 0xfaff], [0xfe10, 0xfe19], [0xfe30, 0xfe6f], [0xff00, 0xff60], [0xffe0, 0xffe6], [0x16fe0, 0x18cff],
  [0x1aff0, 0x1b2ff], [0x1f004, 0x1f004], [0x1f0cf, 0x1f0cf], [0x1f18e, 0x1f18e], [0x1f191, 0x1f19a], [0x1f1e6, 0x1f202],
  [0x1f210, 0x1f23b], [0x1f240, 0x1f248], [0x1f250, 0x1f251], [0x1f260, 0x1f265], [0x1f300, 0x1f64f], [0x1f680, 0x1f6ff],
  [0x1f7e0, 0x1f7eb], [0x1f7f0, 0x1f7f0], [0x1f900, 0x1f9ff], [0x1fa70, 0x1faff], [0x20000, 0x3fffd],
];

const zeroWidth = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const plainText = /^[\x20-\x7e]*$/;

function widthOf(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x300) return code === 0xad ? 0 : 1;
  if (code < 0x1100) return zeroWidth.test(character) ? 0 : 1;
  if (wide.some(([first, last]) => code >= first && code <= last)) return 2;
  return zeroWidth.test(character) ? 0 : 1;
}

/** The number of columns of text without control characters. */
export function displayWidth(text: string): number {
  if (plainText.test(text)) return text.length;
  let columns = 0;
  for (const character of text) columns += widthOf(character);
  return columns;
}

/** The longest beginning that fits into so many columns; a wide character is never halved. */
export function truncate(text: string, columnsMax: number): string {
  if (text.length <= columnsMax && plainText.test(text)) return text;
  let columns = 0;
  let length = 0;
  for (const character of text) {
    columns += widthOf(character);
    if (columns > columnsMax) return text.slice(0, length);
    length += character.length;
  }
  return text;
}

/** Replaces tabs by blanks up to the next multiple of eight, because a tab has no width of its own. */
export function expandTabs(text: string): string {
  if (!text.includes('\t')) return text;
  let line = '';
  for (const part of text.split(/(\t)/)) {
    line += part === '\t' ? ' '.repeat(8 - (displayWidth(line) % 8)) : part;
  }
  return line;
}

/** `left` and `right` at both ends of a line of exactly `columns`; the left one is cut where they do not fit. */
export function justify(left: string, right: string, columns: number): string {
  const room = Math.max(0, columns - displayWidth(right) - 1);
  const cut = truncate(left, room);
  return `${cut}${' '.repeat(Math.max(0, room - displayWidth(cut)))} ${right}`;
}
