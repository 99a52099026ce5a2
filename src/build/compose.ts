/** The image of a finished build: its config and history, composed from the plan and the layers. Pure. */
import { invariant } from '../base/errors.ts';
import type { DiffID } from '../base/digest.ts';
import type { Graph } from '../graph/vertex.ts';
import type { HistoryEntry, ImageConfig } from '../image/config.ts';
import type { Inputs } from './executor.ts';

/** The config of the graph's target. An instruction that added no layer is marked in the history as such. */
export function composeConfig(graph: Graph, results: Inputs): ImageConfig {
  const vertex = graph.vertices[graph.target];
  invariant(vertex?.operation.kind === 'config', 'the target of a graph is a config vertex');
  const { root, config, baseHistory, history } = vertex.operation;
  const layers = results.get(root)?.layers ?? [];
  const own: HistoryEntry[] = history.map(({ entry, layer }) => {
    if (layer === null || (results.get(layer)?.added.length ?? 0) > 0) return entry;
    return { ...entry, empty_layer: true };
  });
  return { ...config, rootfs: { type: 'layers', diff_ids: layers }, history: [...baseHistory, ...own] };
}

/** The layers of the target, lowest first. */
export function targetLayers(graph: Graph, results: Inputs): readonly DiffID[] {
  const vertex = graph.vertices[graph.target];
  invariant(vertex?.operation.kind === 'config', 'the target of a graph is a config vertex');
  return results.get(vertex.operation.root)?.layers ?? [];
}
