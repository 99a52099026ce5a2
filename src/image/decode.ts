/**
 * Reads manifests and indexes that came from outside (OCI image-spec 1.1 manifest.md and image-index.md; Docker's
 * manifest v2 schema 2). Everything doubtful is refused here, so that nothing behind this file doubts. It fetches nothing.
 * Start at `decodeManifestOrIndex`; image configs are in `decode-config.ts`.
 */
import { parseDigest, type BlobDigest } from '../base/digest.ts';
import { TsbuildError } from '../base/errors.ts';
import { mediaTypes, type Descriptor, type Index, type Manifest, type Platform } from './config.ts';
import { arrayField, asObject, field, integerField, invalidField, objectField, parseDocument, placeOf, stringField, stringMapField, type JsonObject, type Place } from './hostile-json.ts';
import { blobSizeBytesMax, configMediaTypes, indexCountMax, indexMediaTypes, layerCountMax, layerMediaTypes, manifestMediaTypes, manifestSizeBytesMax, configSizeBytesMax } from './limits.ts';

/** A document by what it is. */
export type ManifestOrIndex =
  | { readonly kind: 'manifest'; readonly manifest: Manifest }
  | { readonly kind: 'index'; readonly index: Index };

/** What is known about a document before it is read. */
export interface DocumentSource {
  /** For messages: `manifest of docker.io/library/busybox:latest`. */
  readonly name: string;
  /** From the descriptor or the `Content-Type`; types that are not manifest types say nothing and are passed over. */
  readonly mediaType?: string;
}

/**
 * Reads a manifest or an index. A document that could be both is refused (CVE-2021-41190), and so is one whose own media
 * type contradicts the one it was sent with.
 * @throws TsbuildError `DOCUMENT_INVALID`, `DOCUMENT_TOO_LARGE`, `MANIFEST_SCHEMA1`, `MANIFEST_AMBIGUOUS`,
 *   `NOT_AN_IMAGE`, `FOREIGN_LAYER`, `DIGEST_INVALID`, class registry
 */
export function decodeManifestOrIndex(bytes: Uint8Array, source: DocumentSource): ManifestOrIndex {
  const document = parseDocument(bytes, source.name, manifestSizeBytesMax);
  refuseSchema1(document, source);
  const kind = kindOf(document, source);
  return kind === 'index' ? { kind, index: decodeIndexFields(document) } : { kind, manifest: decodeManifestFields(document) };
}

/** Reads a document that has to be an image manifest. Throws as `decodeManifestOrIndex` does. */
export function decodeManifest(bytes: Uint8Array, source: DocumentSource): Manifest {
  const decoded = decodeManifestOrIndex(bytes, source);
  if (decoded.kind === 'manifest') return decoded.manifest;
  throw new TsbuildError('registry', 'DOCUMENT_INVALID', `${source.name}: it is an index where an image manifest has to be`);
}

/** Reads a document that has to be an index. Throws as `decodeManifestOrIndex` does. */
export function decodeIndex(bytes: Uint8Array, source: DocumentSource): Index {
  const decoded = decodeManifestOrIndex(bytes, source);
  if (decoded.kind === 'index') return decoded.index;
  throw new TsbuildError('registry', 'DOCUMENT_INVALID', `${source.name}: it is an image manifest where an index has to be`);
}

function refuseSchema1(document: JsonObject, source: DocumentSource): void {
  const declared = [source.mediaType, field(document, 'mediaType')];
  const old = declared.some((type) => typeof type === 'string' && type.includes('docker.distribution.manifest.v1+'));
  if (field(document, 'schemaVersion') !== 1 && !old) return;
  throw new TsbuildError('registry', 'MANIFEST_SCHEMA1', `${source.name}: its manifest is Docker's schema 1, which no digest of its content protects`, {
    hint: 'Push the image again with a Docker from 2016 or later, which writes schema 2.',
  });
}

function kindOf(document: JsonObject, source: DocumentSource): 'manifest' | 'index' {
  if (integerField(document, 'schemaVersion', 2, 2) === undefined) throw invalidField(document.place, 'has no schemaVersion');
  const own = stringField(document, 'mediaType');
  if (own !== undefined && kindOfType(own) === null) {
    throw new TsbuildError('registry', 'NOT_AN_IMAGE', `${source.name}: its media type ${JSON.stringify(own.slice(0, 200))} is not an image's`);
  }
  const isManifest = field(document, 'config') !== undefined || field(document, 'layers') !== undefined;
  const isIndex = field(document, 'manifests') !== undefined;
  const declared = [own, source.mediaType].map((type) => (type === undefined ? null : kindOfType(type)));
  const kind = isIndex ? 'index' : 'manifest';
  if ((isManifest && isIndex) || declared.some((other) => other !== null && other !== kind)) {
    throw new TsbuildError('registry', 'MANIFEST_AMBIGUOUS', `${source.name}: it claims to be a manifest and an index at once`, {
      hint: 'Such documents are used to show different images to different readers (CVE-2021-41190). Do not use this image.',
    });
  }
  if (!isManifest && !isIndex) throw invalidField(document.place, 'is neither an image manifest nor an index');
  return kind;
}

function kindOfType(mediaType: string): 'manifest' | 'index' | null {
  const bare = mediaType.split(';', 1)[0]?.trim() ?? '';
  if (manifestMediaTypes.has(bare)) return 'manifest';
  return indexMediaTypes.has(bare) ? 'index' : null;
}

function decodeManifestFields(document: JsonObject): Manifest {
  const configObject = objectField(document, 'config');
  if (configObject === undefined) throw invalidField(placeOf(document, 'config'), 'is missing');
  const config = decodeDescriptor(configObject, configSizeBytesMax);
  if (!configMediaTypes.has(config.mediaType)) {
    throw new TsbuildError('registry', 'NOT_AN_IMAGE', `${document.place.document}: it holds ${JSON.stringify(config.mediaType.slice(0, 200))}, not a container image`);
  }
  const layers = arrayField(document, 'layers', layerCountMax) ?? [];
  const annotations = stringMapField(document, 'annotations');
  return {
    schemaVersion: 2,
    mediaType: stringField(document, 'mediaType') ?? mediaTypes.ociManifest,
    config,
    layers: layers.map(({ value, place }) => decodeLayer(asObject(value, place))),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function decodeIndexFields(document: JsonObject): Index {
  const manifests = arrayField(document, 'manifests', indexCountMax) ?? [];
  const annotations = stringMapField(document, 'annotations');
  return {
    schemaVersion: 2,
    mediaType: stringField(document, 'mediaType') ?? mediaTypes.ociIndex,
    manifests: manifests.map(({ value, place }) => decodeDescriptor(asObject(value, place), blobSizeBytesMax)),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function decodeLayer(object: JsonObject): Descriptor {
  const layer = decodeDescriptor(object, blobSizeBytesMax);
  if (/foreign|nondistributable/.test(layer.mediaType)) throw foreignLayer(object.place, `its media type is ${layer.mediaType}`);
  if (!layerMediaTypes.has(layer.mediaType)) {
    throw invalidField(object.place, `has the media type ${JSON.stringify(layer.mediaType.slice(0, 200))}, which is not a known kind of layer`);
  }
  return layer;
}

function decodeDescriptor(object: JsonObject, sizeBytesMax: number): Descriptor {
  const mediaType = stringField(object, 'mediaType');
  if (mediaType === undefined) throw invalidField(placeOf(object, 'mediaType'), 'is missing');
  const size = integerField(object, 'size', 0, sizeBytesMax);
  if (size === undefined) throw invalidField(placeOf(object, 'size'), 'is missing');
  if ((arrayField(object, 'urls', 100) ?? []).length > 0) throw foreignLayer(object.place, 'it names URLs to fetch it from');
  const digest = parseDigest<BlobDigest>(field(object, 'digest'), `${object.place.document}: ${object.place.path}.digest`);
  const annotations = stringMapField(object, 'annotations');
  const platform = objectField(object, 'platform');
  return {
    mediaType,
    digest,
    size,
    ...(annotations === undefined ? {} : { annotations }),
    ...(platform === undefined ? {} : { platform: decodePlatform(platform) }),
  };
}

/** Reads the platform fields of a descriptor or of an image config, as they are written. */
export function decodePlatform(object: JsonObject): Platform {
  const variant = stringField(object, 'variant');
  const version = stringField(object, 'os.version');
  return {
    // Old images leave these out; Docker then takes Linux and asks no further.
    os: stringField(object, 'os') ?? 'linux',
    architecture: stringField(object, 'architecture') ?? '',
    ...(variant === undefined || variant === '' ? {} : { variant }),
    ...(version === undefined || version === '' ? {} : { 'os.version': version }),
  };
}

function foreignLayer(place: Place, reason: string): TsbuildError {
  return new TsbuildError('registry', 'FOREIGN_LAYER', `${place.document}: ${place.path} is a foreign layer: ${reason}`, {
    hint: 'tsbuild fetches layers from the image\'s own registry only (CVE-2020-15157). Push the image with its layers.',
  });
}
