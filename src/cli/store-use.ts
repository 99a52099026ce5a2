/** Texts of `tsbuild du` and `tsbuild prune`. */
import type { PruneReport, StoreUse, VerifyReport } from './commands.ts';
import { formatTable } from './tables.ts';
import { formatBytes } from './text/units.ts';

/** A table of kinds, or with `verbose` of everything; then what could be freed. */
export function formatUse(use: StoreUse, verbose: boolean): string {
  const rows = verbose
    ? [['KIND', 'SIZE', 'LAST USED', 'WHAT'], ...use.entries.map((one) => [one.kind, formatBytes(one.sizeBytes), one.inUse ? 'in use' : formatTime(one.lastUsedMs), one.about])]
    : [['KIND', 'COUNT', 'SIZE'], ...use.kinds.map(({ kind, count, sizeBytes }) => [kind, String(count), formatBytes(sizeBytes)])];
  const totals = [
    ['Total:', formatBytes(use.totalBytes)],
    ['Freed by prune:', formatBytes(use.reclaimableBytes)],
    ['Freed by prune --all:', formatBytes(use.reclaimableAllBytes)],
  ];
  return `${formatTable(rows)}\n${formatTable(totals)}`;
}

/** What went, or would. */
export function formatPruned(report: PruneReport, dryRun: boolean): string {
  const rows = report.entries.map(({ kind, about, lastUsedMs }) => [kind, formatTime(lastUsedMs), about]);
  const list = rows.length === 0 ? '' : `${formatTable([['KIND', 'LAST USED', 'WHAT'], ...rows])}\n`;
  return `${list}Total reclaimed space${dryRun ? ' (nothing was removed)' : ''}: ${formatBytes(report.freedBytes)}\n`;
}

/** Seconds of UTC; what nobody can use any more was never used. */
function formatTime(ms: number): string {
  return ms <= 0 ? 'never' : `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** What was checked, then a line for each damage. */
export function formatVerified({ blobCount, blobBytes, imageCount, recordCount, damages, snapshotsProved, snapshotsWithoutRoom, snapshotsRemoved }: VerifyReport): string {
  const rows = damages.map(({ code, what, text, repair }) => [code, repair === 'none' ? '' : repair, what, text]);
  const list = rows.length === 0 ? '' : formatTable([['DAMAGE', 'REPAIR', 'WHAT', 'WHY'], ...rows]);
  const removed = snapshotsRemoved === 0 ? '' : `; ${snapshotsRemoved} snapshots removed, to be unpacked again`;
  const unproved = snapshotsWithoutRoom === 0 ? '' : `; ${snapshotsWithoutRoom} unpacked layers not compared: the disk is full`;
  return `${list}${blobCount} blobs (${formatBytes(blobBytes)}), ${imageCount} names, ${recordCount} records, ${snapshotsProved} unpacked layers: ${damages.length === 0 ? 'all right' : `${damages.length} damaged`}${unproved}${removed}\n`;
}
