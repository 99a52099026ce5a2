/**
 * Small values inside flags: booleans, whole numbers and sizes, as Go's strconv and docker/go-units read them.
 * They return undefined for what they do not understand; the caller names the flag. Start anywhere.
 */

/** Go's strconv.ParseBool: `1 t T TRUE true True` and `0 f F FALSE false False`. */
export function parseBool(text: string): boolean | undefined {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true;
  return ['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text) ? false : undefined;
}

const uint32Max = 2 ** 32 - 1;

/** Digits of the base only, up to 32 bits. */
export function parseUint32(text: string, base: 8 | 10): number | undefined {
  if (!(base === 8 ? /^[0-7]+$/ : /^\d+$/).test(text)) return undefined;
  const value = Number.parseInt(text, base);
  return value <= uint32Max ? value : undefined;
}

const powers = 'bkmgtp';

/** Sizes in powers of 1024: `64m`, `1.5 GiB`, `4096` (go-units, RAMInBytes). */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+\.?\d*|\.\d+)(?:e([+-]?\d{1,3}))? ?([bkmgtp]?)(i?b)?$/i.exec(text);
  if (match === null) return undefined;
  const [, digits = '', exponent = '0', unit = '', suffix = ''] = match;
  if (suffix !== '' && (unit === '' ? suffix.length > 1 : unit.toLowerCase() === 'b')) return undefined;
  const power = unit === '' ? 0 : powers.indexOf(unit.toLowerCase());
  const size = Math.trunc(Number(`${digits}e${exponent}`) * 1024 ** power);
  return Number.isSafeInteger(size) ? size : undefined;
}
