/** Reads `manifest.json` of a docker-archive. */
import { arrayField, asObject, invalidField, parseDocument, placeOf, stringField, stringsField } from '../image/hostile-json.ts';
import { layerCountMax, manifestSizeBytesMax } from '../image/limits.ts';

/** One image as `docker save` describes it. */
export interface SavedImage {
  /** Path of its config in the archive. */
  readonly config: string;
  readonly repoTags: readonly string[];
  /** Paths of its layers in the archive, lowest first. */
  readonly layers: readonly string[];
}

const imagesMax = 1000;
const tagsMax = 1000;

/** Throws TsbuildError `DOCUMENT_INVALID`, `DOCUMENT_TOO_LARGE`, class registry. */
export function parseDockerManifest(bytes: Uint8Array, archive: string): readonly SavedImage[] {
  const name = `${archive}: manifest.json`;
  // Its top is a list; the reader of hostile documents wants an object, so it is given one around the list.
  const wrapped = Buffer.concat([Buffer.from('{"images":'), bytes, Buffer.from('}')]);
  const document = parseDocument(wrapped, name, manifestSizeBytesMax + 12);
  const images = arrayField(document, 'images', imagesMax) ?? [];
  if (images.length === 0) throw invalidField(document.place, 'holds no image');
  return images.map(({ value, place }) => {
    const image = asObject(value, place);
    const config = stringField(image, 'Config');
    if (config === undefined) throw invalidField(placeOf(image, 'Config'), 'is missing');
    return { config, repoTags: stringsField(image, 'RepoTags', tagsMax) ?? [], layers: stringsField(image, 'Layers', layerCountMax) ?? [] };
  });
}
