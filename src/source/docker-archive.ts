/**
 * Reads what `docker save` writes (moby `image/tarexport`, `manifest.json`): each image becomes an OCI manifest over its
 * config as it was and its uncompressed layers.
 */
import { blobOfDiffID, type DiffID } from '../base/digest.ts';
import { assembleManifest } from '../image/assemble.ts';
import { mediaTypes, type Descriptor } from '../image/config.ts';
import { decodeImageConfig } from '../image/decode-config.ts';
import { formatReference, parseReference, withDefaultTag } from '../image/reference.ts';
import type { Ingested, Tag } from '../store/store.ts';
import { archiveInvalid, type ArchiveContent } from './archive-entries.ts';
import { parseDockerManifest, type SavedImage } from './docker-manifest.ts';
import { unnamed, type ImportOptions } from './import-layout.ts';
import { storeOrigin } from './store-origin.ts';

/** Links that lead to links, at most. */
const linksMax = 8;

/** Imports every image of the archive; throws TsbuildError `ARCHIVE_INVALID` and what decoding throws. */
export async function importDockerArchive(content: ArchiveContent, manifest: Uint8Array, options: ImportOptions): Promise<readonly Tag[]> {
  const tags = new Map<string, Tag>();
  for (const image of parseDockerManifest(manifest, content.name)) {
    const descriptor = await importImage(image, content, options);
    const names = image.repoTags.map((tag) => formatReference(withDefaultTag(parseReference(tag))));
    for (const name of names.length === 0 ? [unnamed(descriptor)] : names) tags.set(name, { name, descriptor });
  }
  return [...tags.values()];
}

async function importImage(image: SavedImage, content: ArchiveContent, options: ImportOptions): Promise<Descriptor> {
  const { store } = options;
  const configFile = findFile(content, image.config);
  const config = decodeImageConfig(await store.blobs.read(configFile.digest), `${content.name}: ${image.config}`);
  const diffIDs = config.rootfs.diff_ids;
  if (diffIDs.length !== image.layers.length) {
    throw archiveInvalid(content.name, `${image.config} has ${diffIDs.length} diffIDs, manifest.json ${image.layers.length} layers`);
  }
  const layers: Descriptor[] = [];
  for (const [at, diffID] of diffIDs.entries()) layers.push(await importLayer({ path: image.layers[at] ?? '', diffID }, content, options));
  const manifest = assembleManifest({ config: { mediaType: mediaTypes.ociConfig, digest: configFile.digest, size: configFile.sizeBytes }, layers });
  await store.blobs.put(manifest.bytes);
  return manifest.descriptor;
}

/** The layer's file may be compressed, whatever it is called: podman and ggcr write such. */
async function importLayer(wanted: { path: string; diffID: DiffID }, content: ArchiveContent, { store, fetcher, io }: ImportOptions): Promise<Descriptor> {
  const { path, diffID } = wanted;
  const file = findFile(content, path);
  const layer = { mediaType: mediaTypes.ociLayerGzip, digest: file.digest, size: file.sizeBytes };
  const tar = blobOfDiffID(diffID);
  if (file.digest !== tar) await fetcher.fetchAll({ layers: [{ layer, diffID }], need: 'tar', origin: storeOrigin(store, content.name), io });
  const size = store.blobs.stat(tar);
  if (size === null) throw archiveInvalid(content.name, `${path}: its tar could not be made`);
  return { mediaType: mediaTypes.ociLayer, digest: tar, size };
}

function findFile(content: ArchiveContent, path: string): Ingested {
  let name = path.replace(/^(\.\/)+/, '');
  for (let count = 0; count <= linksMax; count += 1) {
    const file = content.files.get(name);
    if (file !== undefined) return file;
    const target = content.links.get(name);
    if (target === undefined) throw archiveInvalid(content.name, `${JSON.stringify(path.slice(0, 200))} is not in it`);
    name = target;
  }
  throw archiveInvalid(content.name, `${JSON.stringify(path.slice(0, 200))} leads through too many links`);
}
