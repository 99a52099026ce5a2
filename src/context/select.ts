/**
 * Which entries of a context a COPY source means: wildcards, symbolic links on the way, and the tree below a directory
 * (SEMANTICS A6, 52 to 57, 66, 113). It copies and hashes nothing. Start at `selectSources`.
 */
import { TsbuildError } from '../base/errors.ts';
import { compileGoPattern, hasWildcards, unescapePattern } from './pattern.ts';
import { literalInclude, openChildFilter, type ChildFilter, type SelectedEntry, type SelectOptions } from './select-children.ts';
import { walkTree, type ContextTree, type PlacedEntry, type TreeEntry } from './tree.ts';

export type { SelectedEntry, SelectOptions } from './select-children.ts';

/** Symbolic links followed for one source, as in the kernel. */
const symlinkMax = 40;

/** One thing that a source means: a file, or a directory whose contents are copied. */
export interface Match {
  /** Last name of the path as it was asked for: the file's name when the destination is a directory. */
  readonly name: string;
  /** Where it really is, links resolved; empty for the context's root. */
  readonly path: string;
  readonly entry: TreeEntry | null;
  /** What is below a directory, with paths relative to it; empty for anything else. */
  readonly children: readonly SelectedEntry[];
}

/** Something in a tree, where it really is; the root has no entry. */
export interface Resolved {
  readonly path: string;
  readonly entry: TreeEntry | null;
}

/**
 * The matches of one source pattern, in byte order. A wildcard that matches nothing is fine; a plain path that is not
 * there is an error that says whether the ignore file hides it, and so is a link that leads nowhere.
 * @throws TsbuildError `SOURCE_NOT_FOUND`, `SOURCE_SYMLINK_LOOP`, `PATTERN_INVALID`
 */
export function selectSources(tree: ContextTree, pattern: string, options: SelectOptions): readonly Match[] {
  const parts = pattern.split('/').filter((part) => part !== '');
  const paths = hasWildcards(pattern) ? expandWildcards(tree, parts) : [parts.map(unescapePattern).join('/')];
  const filter = openChildFilter(options);
  return paths.flatMap((path) => {
    const found = resolve(tree, path, { links: 0 });
    if (found !== null) {
      if (!hasWildcards(pattern)) requireIncluded(tree, pattern, found, options.include);
      return toMatch(tree, path, found, filter) ?? [];
    }
    if (hasWildcards(pattern) && !isVisibleLink(tree, path)) return [];
    throw notFound(tree, pattern, path);
  });
}

/**
 * With `--parents`, a path without wildcards must be there. Unlike what stands before `/./`, it is not followed through
 * links: what lies behind one would be copied without its way.
 */
function requireIncluded(tree: ContextTree, pattern: string, found: Resolved, include: string | undefined): void {
  const literal = literalInclude(include);
  if (literal === null) return;
  const path = joinPath(found.path, literal);
  if (isPlain(tree, path)) return;
  const asked = pattern === '/' ? literal : `${pattern}/./${literal}`;
  const behindLink = resolve(tree, path, { links: 0 });
  if (behindLink === null) throw notFound(tree, asked, path);
  throw new TsbuildError('usage', 'SOURCE_NOT_FOUND', `${asked}: leads through a symbolic link, which --parents does not follow`, {
    hint: `Name the real path (${behindLink.path}), or write /./ behind the link.`,
    details: { path },
  });
}

/** Whether the path is there for COPY, its last name perhaps a link, all above it real directories. */
function isPlain(tree: ContextTree, path: string): boolean {
  const at = path.lastIndexOf('/');
  const parent = resolve(tree, path.slice(0, Math.max(0, at)), { links: 0 });
  if (parent === null || parent.path !== path.slice(0, Math.max(0, at))) return false;
  if (parent.entry !== null && parent.entry.type !== 'directory') return false;
  const entry = tree.find(parent.path, path.slice(at + 1));
  return entry !== undefined && isVisible(tree, { path, entry });
}

function joinPath(base: string, path: string): string {
  return base === '' ? path : `${base}/${path}`;
}

/** Whether the path itself is a symbolic link that COPY can see, wherever it leads. */
function isVisibleLink(tree: ContextTree, path: string): boolean {
  const at = path.lastIndexOf('/');
  const parent = resolve(tree, path.slice(0, Math.max(0, at)), { links: 0 });
  if (parent === null) return false;
  const name = path.slice(at + 1);
  const isLink = tree.find(parent.path, name)?.type === 'symlink';
  return isLink && !tree.ignore.isIgnored(parent.path === '' ? name : `${parent.path}/${name}`);
}

function notFound(tree: ContextTree, pattern: string, path: string): TsbuildError {
  const rule = tree.ignore.matchingRule(path);
  const hidden = rule !== null && !rule.isException;
  return new TsbuildError('usage', 'SOURCE_NOT_FOUND', `${pattern}: not found in the build context`, {
    hint: hidden
      ? `It is ignored by ${tree.ignoreFile ?? '.dockerignore'}:${rule.line} (${rule.text}).`
      : 'Paths are relative to the context directory, the last argument of the command, not to the Dockerfile.',
    details: { path },
  });
}

/**
 * Expands wildcards component by component. Links before the first wildcard are followed, and so is what is matched in
 * the end; between the two they are not, as with Go's filepath.Walk.
 */
function expandWildcards(tree: ContextTree, parts: readonly string[]): readonly string[] {
  const first = parts.findIndex(hasWildcards);
  let paths: readonly string[] = [parts.slice(0, first).map(unescapePattern).join('/')];
  for (const [index, part] of parts.entries()) {
    if (index < first) continue;
    const isLast = index === parts.length - 1;
    const compiled = compileGoPattern(part);
    paths = paths.flatMap((path) =>
      entriesOf(tree, path)
        .filter(({ name, type }) => compiled.matches(name) && (isLast || type === 'directory'))
        .map(({ name }) => (path === '' ? name : `${path}/${name}`)),
    );
  }
  return paths;
}

function entriesOf(tree: ContextTree, path: string): readonly TreeEntry[] {
  const found = resolve(tree, path, { links: 0 });
  if (found === null || (found.entry !== null && found.entry.type !== 'directory')) return [];
  return tree.list(found.path);
}

/** What is at a path, links followed inside the tree; null when there is nothing that COPY could see. */
export function findInTree(tree: ContextTree, path: string): Resolved | null {
  return resolve(tree, path, { links: 0 });
}

/** Follows a path through symbolic links, clamped to the context's root; null when there is nothing to be copied. */
function resolve(tree: ContextTree, path: string, count: { links: number }): Resolved | null {
  let current: Resolved = { path: '', entry: null };
  const rest = path.split('/').filter((part) => part !== '');
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === '.') continue;
    if (name === '..') {
      current = parentOf(tree, current.path);
      continue;
    }
    if (current.entry !== null && current.entry.type !== 'directory') return null;
    const entry = tree.find(current.path, name);
    if (entry === undefined) return null;
    const next = current.path === '' ? name : `${current.path}/${name}`;
    if (entry.type !== 'symlink') {
      current = { path: next, entry };
      continue;
    }
    if (tree.ignore.isIgnored(next)) return null;
    count.links += 1;
    if (count.links > symlinkMax) {
      throw new TsbuildError('usage', 'SOURCE_SYMLINK_LOOP', `${path}: too many levels of symbolic links`);
    }
    if (entry.linkTarget.startsWith('/')) current = { path: '', entry: null };
    rest.unshift(...entry.linkTarget.split('/').filter((part) => part !== ''));
  }
  return isVisible(tree, current) ? current : null;
}

function parentOf(tree: ContextTree, path: string): Resolved {
  const at = path.lastIndexOf('/');
  if (at < 0) return { path: '', entry: null };
  const parent = path.slice(0, at);
  const name = parent.slice(parent.lastIndexOf('/') + 1);
  const above = parent.includes('/') ? parent.slice(0, parent.lastIndexOf('/')) : '';
  return { path: parent, entry: tree.find(above, name) ?? null };
}

/** An ignored directory is visible when a `!` rule takes back something in it. */
function isVisible(tree: ContextTree, { path, entry }: Resolved): boolean {
  if (path === '' || !tree.ignore.isIgnored(path)) return true;
  if (entry?.type !== 'directory' || !tree.ignore.mayHoldExceptions(path)) return false;
  return walkTree(tree, path).next().done === false;
}

/** Null for files that `--exclude` names. */
function toMatch(tree: ContextTree, asked: string, found: Resolved, filter: ChildFilter): Match | null {
  const name = asked.slice(asked.lastIndexOf('/') + 1) || found.path.slice(found.path.lastIndexOf('/') + 1);
  if (found.entry !== null && found.entry.type !== 'directory') {
    return filter.excludesFile(name) ? null : { name, path: found.path, entry: found.entry, children: [] };
  }
  return { name, path: found.path, entry: found.entry, children: filter.select(below(tree, found.path, filter)) };
}

/** What is below a directory, as far as the filter wants it, with paths relative to it. */
function* below(tree: ContextTree, directory: string, filter: ChildFilter): Generator<PlacedEntry> {
  const prefix = directory === '' ? 0 : directory.length + 1;
  for (const { path, entry } of walkTree(tree, directory, (child) => filter.enters(child.slice(prefix)))) {
    yield { path: path.slice(prefix), entry };
  }
}
