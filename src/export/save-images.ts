/** What `save` does: images of the store as one archive, as they are wherever that is possible. */
import { blobOfDiffID } from '../base/digest.ts';
import { assembleIndex, assembleManifest } from '../image/assemble.ts';
import type { Descriptor, Manifest } from '../image/config.ts';
import { decodeImageConfig } from '../image/decode-config.ts';
import { configSizeBytesMax, manifestSizeBytesMax } from '../image/limits.ts';
import { formatReference, isReference, parseReference, withDefaultTag } from '../image/reference.ts';
import type { Store } from '../store/store.ts';
import { packArchive } from './archive.ts';
import { plainLayer } from './layers.ts';
import { layoutFiles, type LayoutImage } from './layout.ts';
import { findImage, manifestsOf, readImage, readManifest, type FoundImage, type PlatformChoice } from './stored-image.ts';

export interface SaveOptions {
  readonly format: 'oci' | 'docker';
  /** Which image of several a Docker archive holds; an OCI archive holds all unless one is wanted. */
  readonly platform: PlatformChoice;
}

/** The archive's bytes. Names and IDs are looked up before the first byte. */
export async function saveImages(store: Store, texts: readonly string[], options: SaveOptions): Promise<AsyncIterable<Uint8Array>> {
  const images = new Map<string, LayoutImage>();
  for (const text of texts) {
    const found = await findImage(store, text);
    const names = [...(images.get(found.root.digest)?.names ?? []), ...namesOf(text, found)];
    const image = options.format === 'docker' ? await dockerImage(store, found, options.platform) : await ociImage(store, await narrow(store, found, options.platform));
    images.set(found.root.digest, { ...image, names: [...new Set(names)] });
  }
  return packArchive(layoutFiles([...images.values()], store.blobs, options.format === 'docker'));
}

/** The image of the wanted platform alone, where one is wanted. */
async function narrow(store: Store, found: FoundImage, choice: PlatformChoice): Promise<FoundImage> {
  if (choice.wanted === null) return found;
  const { mediaType, digest, size } = (await readImage(store, found, choice)).manifestDescriptor;
  return { ...found, root: { mediaType, digest, size } };
}

/** As `docker save`: an image that was asked for by a name keeps that one, one that was asked for by its ID has none. */
function namesOf(text: string, found: FoundImage): readonly string[] {
  const name = isReference(text) ? formatReference(withDefaultTag(parseReference(text))) : null;
  return found.names.filter((one) => one === name);
}

/** One image with plain layers, where the store has them. */
async function dockerImage(store: Store, found: FoundImage, platform: PlatformChoice): Promise<LayoutImage> {
  const { manifest, config, configBytes } = await readImage(store, found, platform);
  const layers = config.rootfs.diff_ids.map((diffID, at) => layerOf(store, manifest.layers[at], diffID));
  const { bytes, descriptor } = assembleManifest({ config: manifest.config, layers, annotations: manifest.annotations ?? {} });
  return {
    root: descriptor,
    names: [],
    documents: [bytes, configBytes],
    layers,
    docker: { config: manifest.config.digest, layers: layers.map(({ digest }) => digest) },
  };
}

function layerOf(store: Store, described: Descriptor | undefined, diffID: Parameters<typeof blobOfDiffID>[0]): Descriptor {
  const isPlain = store.blobs.stat(blobOfDiffID(diffID)) !== null;
  return isPlain || described === undefined ? plainLayer(diffID, store.blobs) : described;
}

/** All platforms that are in the store. Documents stay byte for byte unless one of their blobs has to be another one. */
async function ociImage(store: Store, found: FoundImage): Promise<LayoutImage> {
  const descriptors = await manifestsOf(store, found.root);
  const parts = await Promise.all(descriptors.map((descriptor) => ociManifest(store, descriptor)));
  const isSame = parts.every((part, at) => part.root.digest === descriptors[at]?.digest);
  const documents = parts.flatMap((part) => part.documents);
  const layers = parts.flatMap((part) => part.layers);
  const [only] = parts;
  if (only !== undefined && only.root.digest === found.root.digest) return { ...only, names: [] };
  const rootBytes = await store.blobs.read(found.root.digest, manifestSizeBytesMax);
  if (isSame) return { root: found.root, names: [], documents: [rootBytes, ...documents], layers, docker: null };
  const index = assembleIndex({ manifests: parts.map(({ root }) => root) });
  return { root: index.descriptor, names: [], documents: [index.bytes, ...documents], layers, docker: null };
}

async function ociManifest(store: Store, descriptor: Descriptor): Promise<LayoutImage> {
  const manifest = await readManifest(store, descriptor);
  const configBytes = await store.blobs.read(manifest.config.digest, configSizeBytesMax);
  if (isComplete(store, manifest)) {
    const bytes = await store.blobs.read(descriptor.digest, manifestSizeBytesMax);
    return { root: descriptor, names: [], documents: [bytes, configBytes], layers: manifest.layers, docker: null };
  }
  const { diff_ids: diffIDs } = decodeImageConfig(configBytes, `config ${manifest.config.digest}`).rootfs;
  const layers = diffIDs.map((diffID) => plainLayer(diffID, store.blobs));
  const made = assembleManifest({ config: manifest.config, layers, annotations: manifest.annotations ?? {} });
  const platform = descriptor.platform === undefined ? {} : { platform: descriptor.platform };
  return { root: { ...made.descriptor, ...platform }, names: [], documents: [made.bytes, configBytes], layers, docker: null };
}

function isComplete(store: Store, manifest: Manifest): boolean {
  return manifest.layers.every(({ digest, size }) => store.blobs.stat(digest) === size);
}
