/**
 * The files of an OCI image layout that holds given images (OCI image spec, image-layout.md), and of a Docker archive,
 * which is such a layout with a `manifest.json` in it, as Docker 25 and newer save it: old and new readers take both.
 */
import { canonicalJson, compareBytes, type JsonValue } from '../base/canonical.ts';
import { digestOf, type BlobDigest } from '../base/digest.ts';
import type { Descriptor } from '../image/config.ts';
import { familiarName, parseReference } from '../image/reference.ts';
import { encodeIndex, imageNameAnnotation, refNameAnnotation } from '../store/layout-index.ts';
import type { BlobStore } from '../store/store.ts';
import { blobName, fileOfBytes, type ArchiveFile } from './archive.ts';

/** An image, ready to be laid out. */
export interface LayoutImage {
  /** The manifest or index, with the annotations that `index.json` gives it. */
  readonly root: Descriptor;
  /** Full names. */
  readonly names: readonly string[];
  /** Bytes of the documents: index, manifests, configs. */
  readonly documents: readonly Uint8Array[];
  /** Layers, which are in the store. */
  readonly layers: readonly Descriptor[];
  /** For `manifest.json`: a Docker archive holds single images only. */
  readonly docker: { readonly config: BlobDigest; readonly layers: readonly BlobDigest[] } | null;
}

/** All files of the layout; `docker` adds `manifest.json`. */
export function layoutFiles(images: readonly LayoutImage[], blobs: BlobStore, docker: boolean): readonly ArchiveFile[] {
  const files = new Map<string, ArchiveFile>();
  const add = (file: ArchiveFile): unknown => files.set(file.name, file);
  for (const image of images) {
    for (const layer of image.layers) add({ name: blobName(layer.digest), sizeBytes: layer.size, content: () => blobs.stream(layer.digest) });
    for (const bytes of image.documents) add(fileOfBytes(blobName(digestOf<BlobDigest>(bytes)), bytes));
  }
  add(jsonFile('oci-layout', { imageLayoutVersion: '1.0.0' }));
  add(fileOfBytes('index.json', Buffer.from(encodeIndex(indexEntries(images)), 'utf8')));
  if (docker) add(jsonFile('manifest.json', images.flatMap(dockerEntry)));
  return [...files.values()];
}

/** The entries of `index.json`: one for each name, as buildx writes them, or one without a name. */
function indexEntries(images: readonly LayoutImage[]): readonly Descriptor[] {
  return images.flatMap(({ root, names }) => {
    const named = [...names].sort(compareBytes).map((name) => ({ ...root, annotations: { ...root.annotations, ...nameAnnotations(name) } }));
    return named.length === 0 ? [root] : named;
  });
}

/** containerd wants the full name, other tools the tag alone. */
function nameAnnotations(name: string): Readonly<Record<string, string>> {
  const { tag } = parseReference(name);
  return { [imageNameAnnotation]: name, ...(tag === undefined ? {} : { [refNameAnnotation]: tag }) };
}

/** As `docker save` writes it (moby image/tarexport): short names, paths of blobs. */
function dockerEntry({ names, docker }: LayoutImage): readonly JsonValue[] {
  if (docker === null) return [];
  const repoTags = names.map((name) => familiarName(parseReference(name))).sort(compareBytes);
  return [{ Config: blobName(docker.config), RepoTags: repoTags.length === 0 ? null : repoTags, Layers: docker.layers.map(blobName) }];
}

function jsonFile(name: string, value: JsonValue): ArchiveFile {
  return fileOfBytes(name, Buffer.from(canonicalJson(value), 'utf8'));
}

