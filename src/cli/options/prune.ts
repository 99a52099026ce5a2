/** The values of `tsbuild prune`'s options, in docker's syntax. */
import { TsbuildError } from '../../base/errors.ts';
import { entryKinds, type EntryKind } from '../../build/prune/entry-kinds.ts';
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
  /** Only these kinds; null for all. */
  readonly kinds: readonly EntryKind[] | null;
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
  const { kinds, until } = parseFilters(raw.filter ?? []);
  return { all: raw.all === true, kinds, until, keepBytes: size === undefined ? null : parseSize('--max-used-space', size), dryRun: raw.dryRun === true };
}

type Filters = Pick<PruneChoice, 'kinds' | 'until'>;

/** Several filters, in options of their own or behind commas, hold together; several types are alternatives. */
function parseFilters(texts: readonly string[]): Filters {
  let [kinds, until]: [EntryKind[] | null, Filters['until']] = [null, null];
  for (const text of texts.flatMap((words) => words.split(','))) {
    const [, key, value = ''] = /^(until|unused-for|type)==?(.+)$/.exec(text) ?? [];
    if (key === undefined) throw invalidOption('--filter', text, 'is not a filter of prune', 'Write until=24h, until= and a time, or type= and a kind that `tsbuild du` shows.');
    if (key === 'type') kinds = [...(kinds ?? []), ...parseType(text, value)];
    else if (until === null) until = parseUntil(text, value);
    else throw new TsbuildError('usage', 'OPTION_VALUE', 'prune: --filter until=… is given twice');
  }
  return { kinds, until };
}

/** BuildKit's names of types, and what they are here; `internal` and `frontend` are nothing. */
const typesOfBuildkit: Readonly<Record<string, readonly EntryKind[]>> = {
  'regular': ['step', 'base image', 'unnamed image', 'compressed layer', 'unpacked layer', 'snapshot', 'download', 'loose blob'],
  'exec.cachemount': ['cache mount'],
  'source.local': ['context digests'],
  'source.git.checkout': [],
  'internal': [],
  'frontend': [],
};

/** One of BuildKit's types, or a kind as `tsbuild du` calls it, with blanks or hyphens. */
function parseType(text: string, value: string): readonly EntryKind[] {
  const known = typesOfBuildkit[value];
  if (known !== undefined) return known;
  const kind = entryKinds.find((name) => name !== 'image' && name === value.replaceAll('-', ' '));
  if (kind !== undefined) return [kind];
  throw invalidOption('--filter', text, 'is no kind of things that prune removes', `Write type= and one of ${entryKinds.filter((name) => name !== 'image').join(', ').replaceAll(/(\w) (?=\w)/g, '$1-')}; or BuildKit's ${Object.keys(typesOfBuildkit).join(', ')}.`);
}

function parseUntil(text: string, value: string): NonNullable<Filters['until']> {
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
