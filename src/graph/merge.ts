/**
 * Graphs of several platforms become one: what they have in common, such as a stage that runs on the builder's own
 * platform or a context, stands in it once and is done once. Start at `mergeGraphs`.
 */
import { invariant } from '../base/errors.ts';
import { definitionKeys } from './definition.ts';
import type { CopySource, Graph, Operation, RunMount, Vertex, VertexID } from './vertex.ts';

/**
 * The graph with the targets of all, in their order. Vertices with equal definition keys are one vertex, which has the
 * name and the place of the first of them. The graphs are of the same target stage.
 */
export function mergeGraphs(graphs: readonly Graph[]): Graph {
  const [first, ...others] = graphs;
  invariant(first !== undefined, 'a graph to merge');
  if (others.length === 0) return first;
  const vertices: Vertex[] = [];
  const known = new Map<string, VertexID>();
  const targets = graphs.flatMap((graph) => {
    const placed = place(graph, vertices, known);
    return graph.targets.map((target) => numberIn(placed, target));
  });
  return { vertices, targets, targetName: first.targetName };
}

/** Adds what is not there yet; returns the new number of each vertex of the graph. */
function place(graph: Graph, vertices: Vertex[], known: Map<string, VertexID>): ReadonlyMap<VertexID, VertexID> {
  const keys = definitionKeys(graph);
  const placed = new Map<VertexID, VertexID>();
  for (const vertex of graph.vertices) {
    const key = keys.get(vertex.id)?.digest;
    invariant(key !== undefined, 'every vertex has a definition key');
    const id = known.get(key) ?? vertices.length;
    if (id === vertices.length) vertices.push({ ...vertex, id, operation: renumber(vertex.operation, (input) => numberIn(placed, input)) });
    known.set(key, id);
    placed.set(vertex.id, id);
  }
  return placed;
}

function numberIn(placed: ReadonlyMap<VertexID, VertexID>, id: VertexID): VertexID {
  const found = placed.get(id);
  invariant(found !== undefined, 'inputs of a vertex stand before it');
  return found;
}

/** The operation over the same inputs under other numbers. */
function renumber(operation: Operation, numberOf: (id: VertexID) => VertexID): Operation {
  switch (operation.kind) {
    case 'image':
    case 'scratch':
    case 'context':
    case 'git':
      return operation;
    case 'workdir':
      return { ...operation, root: numberOf(operation.root) };
    case 'run':
      return { ...operation, root: numberOf(operation.root), mounts: operation.mounts.map((mount) => renumberMount(mount, numberOf)) };
    case 'copy':
      return { ...operation, root: numberOf(operation.root), sources: operation.sources.map((source) => renumberSource(source, numberOf)) };
    case 'config':
      return { ...operation, root: numberOf(operation.root), history: operation.history.map(({ entry, layer }) => ({ entry, layer: layer === null ? null : numberOf(layer) })) };
  }
}

function renumberMount(mount: RunMount, numberOf: (id: VertexID) => VertexID): RunMount {
  if (mount.kind === 'bind') return { ...mount, from: numberOf(mount.from) };
  return mount.kind === 'cache' && mount.from !== null ? { ...mount, from: numberOf(mount.from) } : mount;
}

function renumberSource(source: CopySource, numberOf: (id: VertexID) => VertexID): CopySource {
  return source.kind === 'path' || source.kind === 'git' ? { ...source, from: numberOf(source.from) } : source;
}
