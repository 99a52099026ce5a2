/** The values of `tsbuild prune`'s options, in docker's syntax. */
import { TsbuildError } from '../../base/errors.ts';
import { invalidOption } from './csv.ts';
import { parseSize } from './limits.ts';

/** What commander hands over. */
export interface RawPruneOptions {
  readonly all?: boolean;
  readonly filter?: readonly string[];
  readonly keepStorage?: string;
  readonly reservedSpace?: string;
  readonly maxUsedSpace?: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

/** What `prune` is to remove. */
export interface PruneChoice {
  readonly all: boolean;
  /** Only what was not used for so long, or since then; milliseconds. */
  readonly until: { readonly ageMs: number } | { readonly timeMs: number } | null;
  readonly keepBytes: number | null;
  readonly dryRun: boolean;
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** @throws TsbuildError `OPTION_VALUE` */
export function parsePrune(raw: RawPruneOptions): PruneChoice {
  const sizes = [raw.keepStorage, raw.reservedSpace, raw.maxUsedSpace].filter((size) => size !== undefined);
  if (sizes.length > 1) throw new TsbuildError('usage', 'OPTION_VALUE', 'prune: --keep-storage and --max-used-space mean the same: give one of them');
  const [size] = sizes;
  const filters = (raw.filter ?? []).map(parseFilter);
  if (filters.length > 1) throw new TsbuildError('usage', 'OPTION_VALUE', 'prune: --filter until=… is given twice');
  return { all: raw.all === true, until: filters[0] ?? null, keepBytes: size === undefined ? null : parseSize('--max-used-space', size), dryRun: raw.dryRun === true };
}

function parseFilter(text: string): NonNullable<PruneChoice['until']> {
  const value = /^(?:until|unused-for)=(.+)$/.exec(text)?.[1];
  if (value === undefined) throw invalidOption('--filter', text, 'is not a filter of prune', 'Write until=24h, or until= and a time.');
  const ageMs = parseDuration(value);
  if (ageMs !== null) return { ageMs };
  const timeMs = /^\d+(?:\.\d+)?$/.test(value) ? Number(value) * 1000 : Date.parse(value);
  if (Number.isFinite(timeMs)) return { timeMs };
  throw invalidOption('--filter', text, 'is neither a duration nor a time', 'Write it like 24h, 1h30m, 2026-01-31 or 1767225600.');
}

/** Milliseconds of `1h30m`, Go's form, with days; null for anything else. */
function parseDuration(text: string): number | null {
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/.test(text)) return null;
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)].reduce((sum, [, number = '', unit = '']) => sum + Number(number) * (unitsMs[unit] ?? 0), 0);
}
