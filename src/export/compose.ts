/**
 * Makes the documents of an output from built images: a manifest each, and an index where there are several.
 * Equal images and options give equal bytes.
 */
import { digestOf, type BlobDigest } from '../base/digest.ts';
import { invariant, TsbuildError } from '../base/errors.ts';
import { assembleIndex, assembleManifest, type EncodedDocument } from '../image/assemble.ts';
import { mediaTypes, type Descriptor } from '../image/config.ts';
import { formatWholePlatform, platformsEqual, parsePlatform } from '../image/platform.ts';
import type { BuiltImage } from './built-image.ts';
import type { LayoutImage } from './layout.ts';
import type { AnnotationLevel, OutputAnnotation } from './output-spec.ts';

/** An image with the blobs that were chosen for its layers. */
export interface ImageWithLayers {
  readonly image: BuiltImage;
  readonly layers: readonly Descriptor[];
}

export interface ComposeOptions {
  readonly names: readonly string[];
  /** Whether an index is made. Several images always are one. */
  readonly isIndex: boolean;
  readonly annotations: readonly OutputAnnotation[];
}

/** Documents and root of an image for one or several platforms; an index has them in the order of `parts`. */
export function composeImage(parts: readonly ImageWithLayers[], options: ComposeOptions): LayoutImage {
  const [first] = parts;
  invariant(first !== undefined, 'an output needs an image');
  const manifests = parts.map((part) => manifestOf(part, options.annotations));
  const index = options.isIndex ? indexOf(parts, manifests, options.annotations) : null;
  invariant(index !== null || parts.length === 1, 'several images are an index');
  const root = index ?? manifests[0];
  invariant(root !== undefined, 'an image has no manifest');
  const level = index === null ? 'manifest-descriptor' : 'index-descriptor';
  const created = first.image.config.created;
  return {
    root: withAnnotations(root.descriptor, {
      ...(created === undefined ? {} : { 'org.opencontainers.image.created': created }),
      ...select(options.annotations, level, index === null ? first.image : null),
    }),
    names: options.names,
    documents: [...(index === null ? [] : [index.bytes]), ...manifests.map(({ bytes }) => bytes), ...parts.map(({ image }) => image.configBytes)],
    layers: parts.flatMap(({ layers }) => layers),
    docker: index !== null ? null : { config: digestOf<BlobDigest>(first.image.configBytes), layers: first.layers.map(({ digest }) => digest) },
  };
}

/** The descriptor of an image's config. */
export function configDescriptor(image: BuiltImage): Descriptor {
  return { mediaType: mediaTypes.ociConfig, digest: digestOf<BlobDigest>(image.configBytes), size: image.configBytes.length };
}

function manifestOf({ image, layers }: ImageWithLayers, annotations: readonly OutputAnnotation[]): EncodedDocument {
  invariant(layers.length === image.config.rootfs.diff_ids.length, `an image of ${image.config.rootfs.diff_ids.length} layers has ${layers.length} blobs`);
  return assembleManifest({ config: configDescriptor(image), layers, annotations: select(annotations, 'manifest', image) });
}

function indexOf(parts: readonly ImageWithLayers[], manifests: readonly EncodedDocument[], annotations: readonly OutputAnnotation[]): EncodedDocument {
  const described = parts.map(({ image }, at): Descriptor => {
    const manifest = manifests[at];
    invariant(manifest !== undefined, 'an image of an index has no manifest');
    return withAnnotations({ ...manifest.descriptor, platform: image.platform }, select(annotations, 'manifest-descriptor', image));
  });
  const platforms = parts.map(({ image }) => formatWholePlatform(image.platform));
  const twice = platforms.find((platform, at) => platforms.indexOf(platform) !== at);
  if (twice !== undefined) throw new TsbuildError('usage', 'PLATFORM_TWICE', `compose index: ${twice} is asked for twice`);
  return assembleIndex({ manifests: described, annotations: select(annotations, 'index', null) });
}

/** The annotations for a document of one image, or, with null, for a document of all. */
function select(annotations: readonly OutputAnnotation[], level: AnnotationLevel, image: BuiltImage | null): Readonly<Record<string, string>> {
  const fits = ({ platform }: OutputAnnotation): boolean =>
    platform === null || image === null || platformsEqual(parsePlatform(platform, image.platform), image.platform);
  return Object.fromEntries(annotations.filter((one) => one.level === level && fits(one)).map(({ key, value }) => [key, value]));
}

function withAnnotations(descriptor: Descriptor, annotations: Readonly<Record<string, string>>): Descriptor {
  const all = { ...descriptor.annotations, ...annotations };
  return Object.keys(all).length === 0 ? descriptor : { ...descriptor, annotations: all };
}
