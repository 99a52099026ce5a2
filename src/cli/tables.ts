/** Lists for people: tables, above all those of `tsbuild images` and `tsbuild history`. */
import type { HistoryRow, ImageRow } from './commands.ts';
import { showControls } from './text/sanitize.ts';
import { formatBytes } from './text/units.ts';
import { displayWidth, truncate } from './text/width.ts';

const gap = '   ';
const shortIDLength = 12;

/** As `docker images`. */
export function formatImages(rows: readonly ImageRow[]): string {
  const lines = rows.map((row) => [row.name, shortID(row.imageID), row.created ?? '', formatBytes(row.sizeBytes), row.platforms.join(', ')]);
  return formatTable([['NAME', 'IMAGE ID', 'CREATED', 'SIZE', 'PLATFORM'], ...lines]);
}

/** As `docker history`; on a terminal (`columns` known) long commands are cut to fit. */
export function formatHistory(rows: readonly HistoryRow[], columns: number | undefined): string {
  const commandWidth = columns === undefined ? Infinity : Math.max(20, columns - 46);
  const lines = rows.map((row) => [row.created ?? '', cut(row.createdBy, commandWidth), formatBytes(row.sizeBytes), row.comment ?? '']);
  return formatTable([['CREATED', 'CREATED BY', 'SIZE', 'COMMENT'], ...lines]);
}

function cut(text: string, columns: number): string {
  const clean = showControls(text);
  return displayWidth(clean) <= columns ? clean : `${truncate(clean, columns - 1)}…`;
}

function shortID(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1).slice(0, shortIDLength);
}

/** Rows in columns of the width of their widest cell; the first row says how many there are. */
export function formatTable(rows: readonly (readonly string[])[], between = gap): string {
  const clean = rows.map((row) => row.map(showControls));
  const widths = (clean[0] ?? []).map((_, column) => Math.max(...clean.map((row) => displayWidth(row[column] ?? ''))));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - displayWidth(cell))).join(between).trimEnd();
  return clean.map((row) => `${line(row)}\n`).join('');
}
