/** Times and sizes for people, as BuildKit writes them. */

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** `512B`, `4.10kB`, `12.35MB`: powers of 1000, two decimals. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.995 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value.toFixed(0) : value.toFixed(2)}${units[unit] ?? ''}`;
}

/** `0.4s`, `75.0s`. */
export function formatSeconds(ms: number): string {
  return `${(Math.max(0, ms) / 1000).toFixed(1)}s`;
}

/** The time before a log line: `0.312`, `12.31`, `123.4`, always about five characters. */
export function formatLogTime(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  const decimals = seconds < 9.9995 ? 3 : seconds < 99.995 ? 2 : 1;
  return seconds.toFixed(decimals);
}
