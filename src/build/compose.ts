/** The image of a finished build: its config and history, composed from the plan and the layers. Pure. */
import type { DiffID } from '../base/digest.ts';
import { targetOperation, type Graph, type VertexID } from '../graph/vertex.ts';
import type { HistoryEntry, ImageConfig } from '../image/config.ts';
import type { Inputs } from './executor.ts';

/** The config of one of the graph's targets. An instruction that added no layer is marked in the history as such. */
export function composeConfig(graph: Graph, target: VertexID, results: Inputs): ImageConfig {
  const { root, config, baseHistory, history } = targetOperation(graph, target);
  const layers = results.get(root)?.layers ?? [];
  const own: HistoryEntry[] = history.map(({ entry, layer }) => {
    if (layer === null || (results.get(layer)?.added.length ?? 0) > 0) return entry;
    return { ...entry, empty_layer: true };
  });
  return { ...config, rootfs: { type: 'layers', diff_ids: layers }, history: [...baseHistory, ...own] };
}

/** The layers of a target, lowest first. */
export function targetLayers(graph: Graph, target: VertexID, results: Inputs): readonly DiffID[] {
  return results.get(targetOperation(graph, target).root)?.layers ?? [];
}
