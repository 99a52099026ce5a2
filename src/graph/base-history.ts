/** The history of a base image, with one line for each of its layers, so that the lines of a build meet their own layers. */
import type { HistoryEntry, ImageConfig } from '../image/config.ts';

/** The comment of lines that nobody wrote (BuildKit exporter/containerimage/writer.go, normalizeLayersAndHistory). */
const fillComment = 'buildkit.exporter.image.v0';

/**
 * Lines are kept as they are where they fit. Missing ones are added behind, those for which there is no layer are marked
 * as empty, the last ones first.
 */
export function alignHistory({ history = [], created }: Pick<ImageConfig, 'history' | 'created'>, layerCount: number): readonly HistoryEntry[] {
  let filled = 0;
  const aligned = history.map((entry): HistoryEntry => {
    if (entry.empty_layer === true) return entry;
    filled += 1;
    return filled <= layerCount ? entry : { ...entry, empty_layer: true };
  });
  const missing = Array.from({ length: Math.max(layerCount - filled, 0) }, (): HistoryEntry => ({
    ...(created === undefined ? {} : { created }),
    created_by: 'layer of the base image',
    comment: fillComment,
  }));
  return [...aligned, ...missing];
}
