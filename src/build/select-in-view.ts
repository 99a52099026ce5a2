/** What a COPY --from source means in the merged tree of a stage or an image: the sandbox process looks, links inside. */
import { comparePaths } from '../base/path-bytes.ts';
import { TsbuildError } from '../base/errors.ts';
import type { DiffID } from '../base/digest.ts';
import { hasWildcards } from '../context/pattern.ts';
import type { Match } from '../context/select.ts';
import { literalInclude, literalPrefix, openChildFilter, type ChildFilter, type SelectOptions } from '../context/select-children.ts';
import type { TreeEntry } from '../context/tree.ts';
import { scanView, type ScanMatch } from '../layer/layer.ts';
import type { DirectoryEntry } from '../native/directory.ts';
import type { Owner } from './copy-plan.ts';
import type { BuildEnvironment } from './environment.ts';

export interface ViewSelection {
  readonly matches: readonly Match[];
  /** The owner that a file has in the tree: COPY --from keeps it (SEMANTICS A6, 59). */
  readonly ownerOf: (entry: TreeEntry) => Owner;
}

/** @throws TsbuildError `SOURCE_NOT_FOUND` for a plain path that is not there */
export async function selectInView(
  environment: BuildEnvironment,
  layers: readonly DiffID[],
  pattern: string,
  options: SelectOptions,
  signal: AbortSignal,
): Promise<ViewSelection> {
  await environment.baseLayers.ensure(layers, signal);
  const { helper, snapshots } = await environment.machinery();
  const only = literalPrefix(options.include);
  const found = await scanView(helper, { view: await snapshots.view(layers, signal), patterns: [pattern], only }, signal);
  if (!hasWildcards(pattern)) requireFound(pattern, found, options.include);
  const filter = openChildFilter(options);
  const owners = new Map<TreeEntry, Owner>();
  for (const { entry, children } of found) for (const one of [entry, ...children]) owners.set(one, { uid: one.uid, gid: one.gid });
  const matches = [...found].sort((a, b) => comparePaths(a.path, b.path)).flatMap((match) => toMatch(match, pattern, filter) ?? []);
  return { matches, ownerOf: (entry) => owners.get(entry) ?? { uid: 0, gid: 0 } };
}

function requireFound(pattern: string, found: readonly ScanMatch[], include: string | undefined): void {
  const literal = literalInclude(include);
  const isThere = literal === null ? found.length > 0 : found.some(({ children }) => children.some(({ name }) => name === literal));
  if (isThere) return;
  const asked = literal === null ? pattern : `${pattern === '/' ? '' : `${pattern}/.`}/${literal}`;
  throw new TsbuildError('usage', 'SOURCE_NOT_FOUND', `${asked}: not found in the files that --from names`, {
    hint: `The path is looked up from the root of that stage or image${literal === null ? '' : '; --parents follows symbolic links only before /./'}.`,
    details: { path: asked },
  });
}

function toMatch(match: ScanMatch, pattern: string, filter: ChildFilter): Match | null {
  const name = lastName(match.path) || lastName(pattern);
  const path = match.realPath.replace(/^\/+/, '');
  if (match.entry.type !== 'directory') {
    return filter.excludesFile(name) ? null : { name, path, entry: match.entry, children: [] };
  }
  const children = filter.select(match.children.map((entry: DirectoryEntry) => ({ path: entry.name, entry })));
  return { name, path, entry: match.entry, children };
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
