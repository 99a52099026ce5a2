/**
 * Asks an ignore file many questions. What can match in a directory is worked out once for it, from what could match in its
 * parent; each of its names then costs two look-ups and few short comparisons. Start at `openIgnore`.
 */
import { placeRule, type DirectoryPrefix, type Glob } from './glob.ts';
import type { Ignore, IgnoreRule } from './ignore.ts';

/** What an ignore file has to say about the entries of one directory. */
export interface IgnoreScope {
  readonly prefix: DirectoryPrefix;
  /** The number of the rule that counts for the directory itself, and so for all in it; -1 for none. */
  readonly last: number;
  /** Rules that could change that below it, the last one first. */
  readonly globs: readonly Glob[];
  /** Those among them that fit this directory. */
  readonly here: readonly Glob[];
  /** Rules for single entries of this directory; null where there are none. */
  readonly entries: ReadonlyMap<string, number> | null;
  /** Rules for extensions count: no directory on the way has a line feed, which Go's `.` does not match. */
  readonly isPlain: boolean;
}

/** The answers of one ignore file. Paths are relative to the context, without a leading `/`. */
export interface OpenIgnore {
  /**
   * The last rule that matches the path or one of its parent directories; null when none does.
   * A parent's match counts for its children (patternmatcher.MatchesOrParentMatches).
   */
  matchingRule(path: string): IgnoreRule | null;
  /** Whether the path does not exist for COPY. */
  isIgnored(path: string): boolean;
  /** Whether a `!` rule could take back something below an ignored directory: only then it is walked. */
  mayHoldExceptions(directory: string): boolean;
  /** For a walk: the scope of the directory, the empty path for the root. */
  scopeOf(directory: string): IgnoreScope;
  /** The scope of a directory within the one of another. */
  enter(scope: IgnoreScope, name: string): IgnoreScope;
  /** `matchingRule` for an entry of the scope's directory. */
  ruleIn(scope: IgnoreScope, name: string): IgnoreRule | null;
}

/** Rules by how they are found; numbers are those of the last rule of their kind. */
interface RuleIndex {
  readonly entries: ReadonlyMap<DirectoryPrefix, ReadonlyMap<string, number>>;
  readonly names: ReadonlyMap<string, number>;
  readonly extensions: ReadonlyMap<string, number>;
  readonly globs: readonly Glob[];
  /** The last `!` rule for one entry below the directory. */
  readonly exceptionsBelow: ReadonlyMap<DirectoryPrefix, number>;
  /** The last `!` rule for a name or an extension anywhere. */
  readonly lastExceptionAnywhere: number;
}

function indexRules(rules: readonly IgnoreRule[]): RuleIndex {
  const entries = new Map<DirectoryPrefix, Map<string, number>>();
  const exceptionsBelow = new Map<DirectoryPrefix, number>();
  const names = new Map<string, number>();
  const extensions = new Map<string, number>();
  const globs: Glob[] = [];
  let lastExceptionAnywhere = -1;
  for (const [number, rule] of rules.entries()) {
    const placed = placeRule(rule, number);
    if (placed.kind === 'glob') globs.push(placed.glob);
    else if (placed.kind !== 'entry') {
      (placed.kind === 'name' ? names : extensions).set(placed.name, number);
      if (rule.isException) lastExceptionAnywhere = number;
    } else {
      entries.set(placed.prefix, (entries.get(placed.prefix) ?? new Map<string, number>()).set(placed.name, number));
      if (rule.isException) for (const prefix of prefixesOf(placed.prefix)) exceptionsBelow.set(prefix, number);
    }
  }
  return { entries, names, extensions, globs: globs.reverse(), exceptionsBelow, lastExceptionAnywhere };
}

/** `a/`, `a/b/` for `a/b/`. */
function prefixesOf(prefix: DirectoryPrefix): readonly DirectoryPrefix[] {
  const prefixes: DirectoryPrefix[] = [];
  for (let at = prefix.indexOf('/'); at >= 0; at = prefix.indexOf('/', at + 1)) prefixes.push(prefix.slice(0, at + 1));
  return prefixes;
}

/** The number of the last rule that matches an entry or a directory above it; -1 for none. */
function numberIn({ names, extensions }: RuleIndex, { prefix, last, here, entries, isPlain }: IgnoreScope, name: string): number {
  let number = Math.max(last, names.get(name) ?? -1, entries?.get(name) ?? -1);
  const dot = isPlain && extensions.size > 0 ? name.lastIndexOf('.') : -1;
  if (dot >= 0) number = Math.max(number, extensions.get(name.slice(dot)) ?? -1);
  for (const glob of here) {
    if (glob.number <= number) break;
    if (glob.fitsName(name, prefix)) number = glob.number;
  }
  return number;
}

function openScope(index: RuleIndex, globs: readonly Glob[], prefix: DirectoryPrefix, last: number): IgnoreScope {
  const isPlain = !prefix.includes('\n');
  const here = globs.filter((glob) => (isPlain && glob.isEverywhere) || glob.fitsDirectory(prefix));
  return { prefix, last, globs, here, entries: index.entries.get(prefix) ?? null, isPlain };
}

function enterScope(index: RuleIndex, scope: IgnoreScope, name: string): IgnoreScope {
  const last = numberIn(index, scope, name);
  const directory = scope.prefix + name;
  const globs = scope.globs.filter((glob) => glob.number > last && (glob.isEverywhere || glob.reaches(directory)));
  return openScope(index, globs, `${directory}/`, last);
}

function holdsExceptions(index: RuleIndex, { prefix, last, globs }: IgnoreScope): boolean {
  return index.lastExceptionAnywhere > last || (index.exceptionsBelow.get(prefix) ?? -1) > last || globs.some(({ isException }) => isException);
}

/** Opens an ignore file for many questions: what is known of a directory is not asked again for each of its files. */
export function openIgnore({ rules }: Ignore): OpenIgnore {
  const index = indexRules(rules);
  const scopes = new Map<string, IgnoreScope>([['', openScope(index, index.globs, '', -1)]]);
  const enter = (scope: IgnoreScope, name: string): IgnoreScope => enterScope(index, scope, name);
  const scopeOf = (directory: string): IgnoreScope => {
    const known = scopes.get(directory);
    if (known !== undefined) return known;
    const at = directory.lastIndexOf('/');
    const scope = enter(scopeOf(directory.slice(0, Math.max(0, at))), directory.slice(at + 1));
    scopes.set(directory, scope);
    return scope;
  };
  const ruleIn = (scope: IgnoreScope, name: string): IgnoreRule | null => {
    const number = numberIn(index, scope, name);
    return number < 0 ? null : (rules[number] ?? null);
  };
  const matchingRule = (path: string): IgnoreRule | null => {
    const at = path.lastIndexOf('/');
    return ruleIn(scopeOf(path.slice(0, Math.max(0, at))), path.slice(at + 1));
  };
  return {
    matchingRule,
    isIgnored: (path) => matchingRule(path)?.isException === false,
    mayHoldExceptions: (directory) => holdsExceptions(index, scopeOf(directory)),
    scopeOf,
    enter,
    ruleIn,
  };
}

/** Whether one path does not exist for COPY. */
export function isIgnored(ignore: Ignore, path: string): boolean {
  return openIgnore(ignore).isIgnored(path);
}
