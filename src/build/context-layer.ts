/** A part of a build context as a layer, for RUN --mount=type=bind: only what the ignore file leaves can be seen. */
import type { ContentDigest, DiffID } from '../base/digest.ts';
import { TsbuildError } from '../base/errors.ts';
import { literalPattern } from '../context/pattern.ts';
import { selectSources } from '../context/select.ts';
import type { ContextSource } from './context-source.ts';
import { digestItems, planItems, type CopyItem, type Landing } from './copy-plan.ts';
import type { BuildEnvironment } from './environment.ts';
import { writeCopy } from './write-copy.ts';

const root = { uid: 0, gid: 0 };
const asIs: Landing = { mode: null, owner: root };

/** The context with this name; the empty name is the main one. */
export async function openContext(environment: BuildEnvironment, name: string): Promise<ContextSource> {
  const open = environment.contexts.get(name);
  if (open === undefined) throw new TsbuildError('bug', 'CONTEXT_UNKNOWN', `the plan names a context ${JSON.stringify(name)} that was not given`);
  return open();
}

async function planContext(environment: BuildEnvironment, name: string, source: string): Promise<{ readonly context: ContextSource; readonly items: readonly CopyItem[] }> {
  const context = await openContext(environment, name);
  const matches = selectSources(context.tree, literalPattern(source), { excludes: [] });
  const items = planItems({ kind: 'directory', path: context.tree.root }, matches, asIs, () => root);
  return { context, items };
}

/** What a mount of this part would show. */
export async function contextDigest(environment: BuildEnvironment, name: string, source: string): Promise<ContentDigest> {
  const { context, items } = await planContext(environment, name, source);
  const files = items.flatMap((item) => item.entries.map((entry) => ({ path: entry.sourcePath, entry: entry.source })));
  return digestItems(items, await context.digest(files));
}

/** The layer that holds this part under its own path. */
export function contextLayer(environment: BuildEnvironment, name: string, source: string, signal: AbortSignal): Promise<DiffID> {
  const key = JSON.stringify([name, source]);
  const known = environment.contextLayers.get(key);
  if (known !== undefined) return known;
  const layer = writeLayer(environment, name, source, signal);
  environment.contextLayers.set(key, layer);
  return layer;
}

async function writeLayer(environment: BuildEnvironment, name: string, source: string, signal: AbortSignal): Promise<DiffID> {
  const { items } = await planContext(environment, name, source);
  const isSingle = items.some((item) => item.isSingle);
  const destination = isSingle || source.endsWith('/') ? source : `${source}/`;
  return writeCopy(environment, { base: [], items, destination, link: false, parents: { mode: 0o755, owner: root }, onWarning: () => undefined }, signal);
}
