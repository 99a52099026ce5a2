/**
 * What of a store does not fit together: names without images, images without layers, records that are broken or lead to
 * nothing, snapshots of nothing. Synchronous, for the closed gate; it changes nothing.
 */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isDigest } from '../../base/digest.ts';
import { errnoCode } from '../../base/errors.ts';
import { decodeLayoutIndex } from '../../store/layout-index.ts';
import { blobsBelowRoot } from '../../store/open.ts';
import { Documents } from './documents.ts';
import { readRecord, readText } from './records.ts';
import { snapshotFolders } from './snapshot-folders.ts';

export interface Damage {
  readonly code:
    | 'BLOB_CORRUPT' | 'STRAY_FILE' | 'INDEX_BROKEN' | 'IMAGE_MISSING' | 'IMAGE_INCOMPLETE' | 'RECORD_BROKEN' | 'RECORD_STALE' | 'SNAPSHOT_STALE' | 'SNAPSHOT_CORRUPT';
  /** Below the root: the file or folder whose removal repairs it; null where it is a name, or the list of names. */
  readonly path: string | null;
  /** Of an image. */
  readonly name: string | null;
  readonly text: string;
}

export interface FoundDamage {
  readonly damages: readonly Damage[];
  readonly imageCount: number;
  readonly recordCount: number;
  /** All snapshots, by their paths. */
  readonly snapshots: readonly string[];
}

/**
 * @param broken what hashing the blobs found; such a blob counts as missing for all that needs it
 * @param snapshotDamages what comparing snapshots with their layers found
 */
export function findDamage(root: string, broken: readonly Damage[], snapshotDamages: readonly Damage[]): FoundDamage {
  const isBroken = new Set(broken.map(({ path }) => path));
  const isWhole = (hex: string): boolean => {
    const path = join(blobsBelowRoot, hex);
    return !isBroken.has(path) && lstatSync(join(root, path), { throwIfNoEntry: false })?.isFile() === true;
  };
  const search: Search = { root, isWhole, documents: new Documents(join(root, blobsBelowRoot)) };
  const images = checkImages(search);
  const records = [...checkSteps(search), ...checkHints(search)];
  const snapshots = listSnapshots(root);
  return {
    damages: [...broken, ...images.damages, ...records.flatMap(({ damage }) => damage ?? []), ...snapshots.flatMap((path) => checkSnapshot(path, isWhole) ?? []), ...snapshotDamages],
    imageCount: images.count,
    recordCount: records.length,
    snapshots,
  };
}

interface Search {
  readonly root: string;
  readonly isWhole: (hex: string) => boolean;
  readonly documents: Documents;
}

interface CheckedRecord {
  readonly damage: Damage | null;
}

function checkImages(search: Search): { readonly count: number; readonly damages: readonly Damage[] } {
  const path = join('oci', 'index.json');
  const index = decodeLayoutIndex(readText(join(search.root, path)) ?? '');
  if (index === null) return { count: 0, damages: [{ code: 'INDEX_BROKEN', path: null, name: null, text: 'it is no index of an image layout; the names of images are lost' }] };
  const damages = index.tags.flatMap(({ name, descriptor }) => checkImage(search, name, descriptor.digest.slice('sha256:'.length)) ?? []);
  return { count: index.tags.length, damages };
}

/** Layers that were not fetched yet are no damage; those that were made here, uncompressed, have to be here. */
function checkImage({ documents, isWhole }: Search, name: string, root: string): Damage | null {
  if (!isWhole(root)) return { code: 'IMAGE_MISSING', path: null, name, text: `its document sha256:${root} is not in the store` };
  const top = documents.read(root);
  const manifests = (top?.kind === 'index' ? top.manifests : [root]).filter(isWhole);
  for (const hex of manifests) {
    const manifest = documents.read(hex);
    if (manifest?.kind !== 'manifest') return { code: 'IMAGE_INCOMPLETE', path: null, name, text: `sha256:${hex} is no manifest` };
    const missing = [manifest.config, ...manifest.plainLayers].find((part) => !isWhole(part));
    if (missing !== undefined) return { code: 'IMAGE_INCOMPLETE', path: null, name, text: `sha256:${missing}, which its manifest names, is not in the store` };
  }
  return manifests.length > 0 ? null : { code: 'IMAGE_MISSING', path: null, name, text: 'no manifest of its index is in the store' };
}

function checkSteps({ root, isWhole }: Search): readonly CheckedRecord[] {
  return jsonFiles(root, join('cache', 'v1')).map((path) => {
    const record = readRecord(join(root, path));
    return { damage: record === null ? brokenRecord(path) : staleRecord(path, record.needs, isWhole) };
  });
}

/** Records of downloads and of pulled layers. */
function checkHints({ root, isWhole }: Search): readonly CheckedRecord[] {
  const layers = namesIn(join(root, 'layers', 'v1')).flatMap((name) => jsonFiles(root, join('layers', 'v1', name)));
  return [...jsonFiles(root, join('cache', 'v1', 'http')), ...jsonFiles(root, join('cache', 'v1', 'git')), ...layers].map((path) => {
    const hex = /"digest":"sha256:([0-9a-f]{64})"/.exec(readText(join(root, path)) ?? '')?.[1];
    return { damage: hex === undefined ? brokenRecord(path) : staleRecord(path, [hex], isWhole) };
  });
}

function brokenRecord(path: string): Damage {
  return { code: 'RECORD_BROKEN', path, name: null, text: 'it is no whole record' };
}

function staleRecord(path: string, needs: readonly string[], isWhole: Search['isWhole']): Damage | null {
  const missing = needs.find((hex) => !isWhole(hex));
  return missing === undefined ? null : { code: 'RECORD_STALE', path, name: null, text: `sha256:${missing}, which it names, is not in the store` };
}

function listSnapshots(root: string): readonly string[] {
  return snapshotFolders.flatMap((folder) =>
    namesIn(join(root, folder)).flatMap((boot) => namesIn(join(root, folder, boot)).filter((name) => !name.endsWith('.dependent')).map((name) => join(folder, boot, name))),
  );
}

function checkSnapshot(path: string, isWhole: Search['isWhole']): Damage | null {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (/^chain-[0-9a-f]{64}$/.test(name) || (isDigest(`sha256:${name}`) && isWhole(name))) return null;
  return { code: 'SNAPSHOT_STALE', path, name: null, text: 'the layer that it was unpacked from is not in the store' };
}

function jsonFiles(root: string, folder: string): readonly string[] {
  return namesIn(join(root, folder)).filter((name) => name.endsWith('.json')).map((name) => join(folder, name));
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path).sort();
  } catch (error) {
    if (errnoCode(error) === 'ENOENT' || errnoCode(error) === 'ENOTDIR') return [];
    throw error;
  }
}
