/** A part of a build context as a layer, for RUN --mount=type=bind: only what the ignore file leaves can be seen. */
import type { ContentDigest, DiffID } from '../base/digest.ts';
import { literalPattern } from '../context/pattern.ts';
import { planFromContext, type ContextItems } from './context-items.ts';
import type { Landing } from './copy-plan.ts';
import type { BuildEnvironment } from './environment.ts';
import { writeCopy } from './write-copy.ts';

const asIs: Landing = { mode: null, owner: null };

function planContext(environment: BuildEnvironment, name: string, source: string, signal: AbortSignal): Promise<ContextItems> {
  return planFromContext(environment, { name, pattern: literalPattern(source), options: { excludes: [] }, landing: asIs, signal });
}

/** What a mount of this part would show. */
export async function contextDigest(environment: BuildEnvironment, name: string, source: string, signal: AbortSignal): Promise<ContentDigest> {
  return (await planContext(environment, name, source, signal)).digest;
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
  const { items } = await planContext(environment, name, source, signal);
  const isSingle = items.some((item) => item.isSingle);
  const destination = isSingle || source.endsWith('/') ? source : `${source}/`;
  return writeCopy(environment, { base: [], items, destination, link: false, parents: { mode: 0o755, owner: null }, onWarning: () => undefined }, signal);
}
