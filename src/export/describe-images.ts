/** What `images`, `inspect` and `history` show, as functions over the store that return data. */
import type { JsonValue } from '../base/canonical.ts';
import { blobOfDiffID, type BlobDigest, type DiffID } from '../base/digest.ts';
import { TsbuildError } from '../base/errors.ts';
import type { HistoryEntry, ImageConfig } from '../image/config.ts';
import { decodeImageConfig } from '../image/decode-config.ts';
import { configSizeBytesMax, indexMediaTypes } from '../image/limits.ts';
import { formatPlatform } from '../image/platform.ts';
import { familiarName, parseReference } from '../image/reference.ts';
import type { Store, Tag } from '../store/store.ts';
import { findImage, manifestsOf, readImage, readImages, readManifest, type PlatformChoice, type StoredImage } from './stored-image.ts';

/** One name in the store, for a list. */
export interface ImageRow {
  readonly name: string;
  /** The config's digest, or the index's. */
  readonly imageID: BlobDigest;
  readonly manifestDigest: BlobDigest;
  /** RFC 3339. */
  readonly created?: string;
  /** Of all layers, uncompressed; of those that are in the store. */
  readonly sizeBytes: number;
  readonly platforms: readonly string[];
}

/** One entry of an image's history. */
export interface HistoryRow {
  readonly created?: string;
  readonly createdBy: string;
  readonly comment?: string;
  /** Uncompressed size of the layer, 0 for an entry without one. */
  readonly sizeBytes: number;
  readonly diffID?: DiffID;
}

/** All names, by their bytes. A name whose image is broken or gone is left out and told to `skipped`. */
export async function listImages(store: Store, skipped: (tag: Tag, error: TsbuildError) => void = () => undefined): Promise<readonly ImageRow[]> {
  const rows: ImageRow[] = [];
  for (const tag of await store.tags.list()) {
    try {
      rows.push(...(await rowOf(store, tag)));
    } catch (error) {
      if (!(error instanceof TsbuildError)) throw error;
      skipped(tag, error);
    }
  }
  return rows;
}

async function rowOf(store: Store, { name, descriptor }: Tag): Promise<readonly ImageRow[]> {
  const configs: { digest: BlobDigest; config: ImageConfig }[] = [];
  for (const one of await manifestsOf(store, descriptor)) {
    const { digest } = (await readManifest(store, one)).config;
    configs.push({ digest, config: decodeImageConfig(await store.blobs.read(digest, configSizeBytesMax), `config ${digest}`) });
  }
  const [first] = configs;
  if (first === undefined) return [];
  const { created } = first.config;
  const layers = new Set(configs.flatMap(({ config }) => config.rootfs.diff_ids));
  return [{
    name,
    imageID: indexMediaTypes.has(descriptor.mediaType) ? descriptor.digest : first.digest,
    manifestDigest: descriptor.digest,
    ...(created === undefined ? {} : { created }),
    sizeBytes: sum([...layers].map((diffID) => store.blobs.stat(blobOfDiffID(diffID)) ?? 0)),
    platforms: configs.map(({ config }) => formatPlatform(config)),
  }];
}

/** An image in the form of `docker image inspect`: the one of the wanted platform, or all that are in the store. */
export async function inspectImage(store: Store, text: string, choice: PlatformChoice): Promise<readonly JsonValue[]> {
  const found = await findImage(store, text);
  const images = choice.wanted === null ? await readImages(store, found) : [await readImage(store, found, choice)];
  return images.map((image) => describeImage(store, image));
}

function describeImage(store: Store, { config, names, root, manifest }: StoredImage): JsonValue {
  return {
    Id: manifest.config.digest,
    RepoTags: names.map((name) => familiarName(parseReference(name))),
    RepoDigests: [...new Set(names.map((name) => repositoryDigest(name, root.digest)))],
    Comment: config.history?.at(-1)?.comment ?? '',
    Created: config.created,
    Author: config.author ?? '',
    Architecture: config.architecture,
    Variant: config.variant,
    Os: config.os,
    OsVersion: config['os.version'],
    Size: sum(config.rootfs.diff_ids.map((diffID) => store.blobs.stat(blobOfDiffID(diffID)) ?? 0)),
    RootFS: { Type: 'layers', Layers: config.rootfs.diff_ids },
    // ContainerConfig and Descriptor are interfaces of JSON values only; TypeScript does not see that.
    Config: (config.config ?? {}) as unknown as JsonValue,
    Descriptor: root as unknown as JsonValue,
  };
}

function repositoryDigest(name: string, digest: BlobDigest): string {
  const { registry, repository } = parseReference(name);
  return familiarName({ registry, repository, digest });
}

/** The history of an image, newest first, as `docker history` prints it. */
export async function historyOf(store: Store, text: string, choice: PlatformChoice): Promise<readonly HistoryRow[]> {
  return historyRows(store, await readImage(store, await findImage(store, text), choice));
}

/** Entries and layers are matched from the top: bases may lack history, what was built on them does not. */
function historyRows(store: Store, { config }: StoredImage): readonly HistoryRow[] {
  const diffIDs = [...config.rootfs.diff_ids];
  const entries = [...(config.history ?? [])].reverse();
  const rows = entries.map((entry) => historyRow(store, entry, entry.empty_layer === true ? undefined : diffIDs.pop()));
  return [...rows, ...diffIDs.reverse().map((diffID) => historyRow(store, {}, diffID))];
}

function historyRow(store: Store, entry: HistoryEntry, diffID: DiffID | undefined): HistoryRow {
  return {
    ...(entry.created === undefined ? {} : { created: entry.created }),
    createdBy: entry.created_by ?? '',
    ...(entry.comment === undefined || entry.comment === '' ? {} : { comment: entry.comment }),
    sizeBytes: diffID === undefined ? 0 : (store.blobs.stat(blobOfDiffID(diffID)) ?? 0),
    ...(diffID === undefined ? {} : { diffID }),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
