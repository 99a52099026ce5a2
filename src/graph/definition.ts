/**
 * Definition keys: what a vertex would do, without running anything; equal keys mean the same work.
 * Images are in it by the digest of their manifest. A context is in it by its name: within one build a name has one
 * content. The content key that decides about the cache is made in `build/` from what an operation really consumes.
 */
import { canonicalJson, makeKey, type CacheKey, type JsonValue } from '../base/canonical.ts';
import { inputsOf, type Graph, type Operation, type VertexID } from './vertex.ts';

/** The definition key of every vertex. */
export function definitionKeys(graph: Graph): ReadonlyMap<VertexID, CacheKey> {
  const keys = new Map<VertexID, CacheKey>();
  for (const vertex of graph.vertices) {
    const inputs = inputsOf(vertex.operation).map((id) => keys.get(id)?.digest ?? null);
    keys.set(
      vertex.id,
      makeKey(`definition-${vertex.operation.kind}/1`, [
        { name: 'operation', value: withoutInputs(vertex.operation) },
        { name: 'inputs', value: inputs },
      ]),
    );
  }
  return keys;
}

/** The operation with the numbers of its inputs taken out, which mean something in one graph alone; and without proxies. */
function withoutInputs(operation: Operation): JsonValue {
  const text = JSON.stringify(operation, (key, value: unknown) => {
    if ((key === 'root' || key === 'from') && typeof value === 'number') return 'input';
    return key === 'proxyEnv' ? undefined : value;
  });
  return JSON.parse(text) as JsonValue;
}

/** The whole graph as canonical JSON, definition keys included. */
export function graphJson(graph: Graph): string {
  const keys = definitionKeys(graph);
  const vertices = graph.vertices.map((vertex) => ({
    ...(JSON.parse(JSON.stringify(vertex)) as { readonly [key: string]: JsonValue }),
    definitionKey: keys.get(vertex.id)?.digest ?? null,
  }));
  return canonicalJson({ version: 1, target: graph.target, targetName: graph.targetName, vertices });
}
