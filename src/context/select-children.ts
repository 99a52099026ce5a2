/**
 * What of a directory COPY takes: `--exclude`, and with `--parents` the part of the source behind `/./`, both in the
 * dialect of ignore files (SEMANTICS A6, 66). The same for contexts and for stages. Start at `openChildFilter`.
 */
import { parseExcludes } from './ignore.ts';
import { compileIgnorePattern, reachesBelow, type IgnorePattern } from './ignore-pattern.ts';
import { openIgnore, type OpenIgnore } from './open-ignore.ts';
import { hasWildcards, unescapePattern } from './pattern.ts';
import type { PlacedEntry } from './tree.ts';

export interface SelectOptions {
  /** `--exclude`, relative to the source. */
  readonly excludes: readonly string[];
  /** With `--parents`: the only paths below the source that are copied. */
  readonly include?: string;
}

/** An entry that is copied, with its path below the source. */
export interface SelectedEntry extends PlacedEntry {
  /** A directory that was not selected itself but holds something that was: one that stands at the destination keeps its owner. */
  readonly isImplied?: true;
}

export interface ChildFilter {
  /** Whether a file that is named itself is left out. BuildKit's reference says so, its code copies it (moby/buildkit#5489). */
  excludesFile(name: string): boolean;
  /** Whether something below this directory may be copied: others need not be read. */
  enters(directory: string): boolean;
  /** Of everything below the source, parents first: what is copied. */
  select(entries: Iterable<PlacedEntry>): readonly SelectedEntry[];
}

/** @throws TsbuildError `PATTERN_INVALID` */
export function openChildFilter({ excludes, include }: SelectOptions): ChildFilter {
  const excluded = openIgnore(parseExcludes(excludes));
  const pattern = include === undefined ? null : compileIgnorePattern(include);
  const included = pattern === null ? null : openInclude(pattern);
  const isSelected = (path: string): boolean => included?.isIgnored(path) !== false && !excluded.isIgnored(path);
  return {
    excludesFile: (name) => excluded.isIgnored(name),
    enters: (directory) =>
      (included === null || pattern === null || included.isIgnored(directory) || reachesBelow(pattern, directory)) &&
      (!excluded.isIgnored(directory) || excluded.mayHoldExceptions(directory)),
    select: (entries) => selectEntries(entries, isSelected),
  };
}

/** One pattern as a file of rules, in which a match of a directory counts for what is in it. */
function openInclude(pattern: IgnorePattern): OpenIgnore {
  return openIgnore({ file: null, rules: [{ line: 1, text: '', isException: false, pattern }] });
}

function selectEntries(entries: Iterable<PlacedEntry>, isSelected: (path: string) => boolean): readonly SelectedEntry[] {
  const selected: SelectedEntry[] = [];
  let above: readonly PlacedEntry[] = [];
  for (const one of entries) {
    above = above.filter((directory) => one.path.startsWith(`${directory.path}/`));
    if (!isSelected(one.path)) {
      if (one.entry.type === 'directory') above = [...above, one];
    } else {
      selected.push(...above.map((directory) => ({ ...directory, isImplied: true as const })), one);
      above = [];
    }
  }
  return selected;
}

/** The path that `--parents` asks for, if it has no wildcards: then it must be there. */
export function literalInclude(include: string | undefined): string | null {
  return include === undefined || hasWildcards(include) ? null : unescapePattern(include);
}

/** Names of the directories that everything lies in that `--parents` may ask for: the pattern's components before its first wildcard. */
export function literalPrefix(include: string | undefined): readonly string[] {
  const parts = (include ?? '').split('/').filter((part) => part !== '');
  const first = parts.findIndex(hasWildcards);
  return (first < 0 ? parts : parts.slice(0, first)).map(unescapePattern);
}
