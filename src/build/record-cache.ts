/** The executor's view of the build cache: records that name the layers which a step added. */
import type { JsonValue } from '../base/canonical.ts';
import { isDigest, type DiffID } from '../base/digest.ts';
import type { Cache } from '../cache/cache.ts';
import { explainMiss } from '../cache/explain.ts';
import type { Vertex } from '../graph/vertex.ts';
import type { RecordCache } from './executor.ts';

/** @param definition where the Dockerfile lies: steps of different files are not compared with each other */
export function recordCache(cache: Cache, definition: string): RecordCache {
  const label = (vertex: Vertex): string => JSON.stringify([definition, vertex.stage, vertex.step]);
  return {
    get: async (key) => decodeAdded(await cache.get(key)),
    put: (vertex, key, added) => cache.put(key, { added }, label(vertex)),
    explainMiss: async (vertex, key) => {
      const nearest = await cache.nearest(key.operation, label(vertex), key);
      return nearest === null ? null : `miss: ${explainMiss(nearest, key)}`;
    },
  };
}

/** A record of another form is no record. */
function decodeAdded(result: JsonValue | null): readonly DiffID[] | null {
  if (result === null || typeof result !== 'object' || !('added' in result)) return null;
  const { added } = result;
  if (!Array.isArray(added) || !added.every((layer) => typeof layer === 'string' && isDigest(layer))) return null;
  return added as readonly DiffID[]; // checked one by one
}
