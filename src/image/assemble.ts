/**
 * Makes the documents of an image from their parts: equal parts give equal bytes, whatever the order of fields. It
 * invents nothing: no times, no defaults. Start at `assembleImage`.
 */
import { canonicalJson, type JsonValue } from '../base/canonical.ts';
import { digestOf, type BlobDigest } from '../base/digest.ts';
import { invariant } from '../base/errors.ts';
import { mediaTypes, type Descriptor, type ImageConfig, type Index, type Manifest } from './config.ts';

/** A document's bytes with the descriptor that names them. */
export interface EncodedDocument {
  readonly bytes: Buffer;
  readonly descriptor: Descriptor;
}

/** Both documents of a single-platform image. */
export interface EncodedImage {
  readonly config: EncodedDocument;
  readonly manifest: EncodedDocument;
}

/** Encodes an image config (OCI config.md) as canonical JSON. */
export function assembleConfig(config: ImageConfig): EncodedDocument {
  return encode(config, mediaTypes.ociConfig);
}

/** Encodes an image manifest (OCI manifest.md). Layers stand lowest first. */
export function assembleManifest(parts: { readonly config: Descriptor; readonly layers: readonly Descriptor[]; readonly annotations?: Readonly<Record<string, string>> }): EncodedDocument {
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: parts.config,
    layers: parts.layers,
    ...annotationsOf(parts.annotations),
  };
  return encode(manifest, mediaTypes.ociManifest);
}

/** Encodes an index (OCI image-index.md). The manifests keep their order: it is the user's, as with buildx. */
export function assembleIndex(parts: { readonly manifests: readonly Descriptor[]; readonly annotations?: Readonly<Record<string, string>> }): EncodedDocument {
  const index: Index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: parts.manifests, ...annotationsOf(parts.annotations) };
  return encode(index, mediaTypes.ociIndex);
}

/**
 * Encodes config and manifest of one image.
 * @throws TsbuildError of class bug if layers, diffIDs and history do not speak of the same layers
 */
export function assembleImage(parts: { readonly config: ImageConfig; readonly layers: readonly Descriptor[]; readonly annotations?: Readonly<Record<string, string>> }): EncodedImage {
  const diffIDs = parts.config.rootfs.diff_ids;
  invariant(diffIDs.length === parts.layers.length, `image with ${parts.layers.length} layers and ${diffIDs.length} diffIDs`);
  const config = assembleConfig(parts.config);
  const manifest = assembleManifest({ config: config.descriptor, layers: parts.layers, ...annotationsOf(parts.annotations) });
  return { config, manifest };
}

function annotationsOf(annotations: Readonly<Record<string, string>> | undefined): { annotations?: Readonly<Record<string, string>> } {
  return annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations };
}

function encode(document: ImageConfig | Manifest | Index, mediaType: string): EncodedDocument {
  // The document types are interfaces of JSON values only; TypeScript does not see that an interface is one.
  const bytes = Buffer.from(canonicalJson(document as unknown as JsonValue), 'utf8');
  return { bytes, descriptor: { mediaType, digest: digestOf<BlobDigest>(bytes), size: bytes.length } };
}
