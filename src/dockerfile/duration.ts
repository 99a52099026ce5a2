/**
 * Durations as Go's time.ParseDuration reads them: `1h30m`, `1.5s`, `100ms`. No days, no bare numbers but 0.
 * Start at `parseDuration`.
 */
import { reject } from './rejection.ts';

const nanoseconds: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n], ['us', 1_000n], ['µs', 1_000n], ['μs', 1_000n], ['ms', 1_000_000n],
  ['s', 1_000_000_000n], ['m', 60_000_000_000n], ['h', 3_600_000_000_000n],
]);
const durationMax = 2n ** 63n - 1n;
const textLengthMax = 200;

/**
 * The duration in nanoseconds. Beyond 2^53 (104 days) a number cannot have every value; those that it cannot have are
 * refused rather than rounded. All whole milliseconds up to Go's longest, 292 years, can be had.
 * @throws TsbuildError `DURATION`, `DURATION_PRECISION`
 */
export function parseDuration(text: string): number {
  const sign = /^[-+]/.exec(text)?.[0] ?? '';
  const body = text.slice(sign.length);
  if (body === '0') return 0;
  if (body === '' || body.length > textLengthMax) rejectDuration(text);
  let total = 0n;
  for (let rest = body; rest !== '';) {
    const match = /^(\d*)(?:\.(\d*))?([^\d.]+)/.exec(rest);
    const unit = nanoseconds.get(match?.[3] ?? '');
    if (match === null || unit === undefined || `${match[1]}${match[2] ?? ''}` === '') rejectDuration(text);
    total += BigInt(`0${match[1]}`) * unit + fraction(match[2] ?? '', unit);
    rest = rest.slice(match[0].length);
  }
  if (total > durationMax) rejectDuration(text);
  const exact = Number(total);
  // Compared as JSON is going to have it.
  if (String(exact) !== total.toString()) reject('DURATION_PRECISION', `duration ${JSON.stringify(text)} is too long to be kept to the nanosecond`, { hint: 'Over 104 days, give whole milliseconds.' });
  return sign === '-' ? 0 - exact : exact;
}

/** What the digits behind the point stand for, rounded down. */
function fraction(digits: string, unit: bigint): bigint {
  return BigInt(`0${digits}`) * unit / 10n ** BigInt(digits.length);
}

function rejectDuration(text: string): never {
  reject('DURATION', `invalid duration ${JSON.stringify(text)}`, { hint: 'Durations are numbers with units: 30s, 1m30s, 500ms.' });
}
