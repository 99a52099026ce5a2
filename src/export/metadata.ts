/** The JSON of `--metadata-file`, with the keys and the layout of buildx. */
import type { BlobDigest } from '../base/digest.ts';
import type { Descriptor } from '../image/config.ts';

/** What a build says about the image that it made. */
export interface ImageMetadata {
  /** Null for an index. */
  readonly configDigest: BlobDigest | null;
  /** Manifest or index of the output. */
  readonly root: Descriptor;
  /** Full names. */
  readonly names: readonly string[];
}

/** The file's text. */
export function encodeMetadata({ configDigest, root, names }: ImageMetadata): string {
  const fields = {
    ...(configDigest === null ? {} : { 'containerimage.config.digest': configDigest }),
    'containerimage.descriptor': root,
    'containerimage.digest': root.digest,
    ...(names.length === 0 ? {} : { 'image.name': names.join(',') }),
  };
  return `${JSON.stringify(fields, null, 2)}\n`;
}
