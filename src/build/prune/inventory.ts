/**
 * What is in a store, and what needs what: the one list that `du`, `prune` and garbage collection work on.
 * It changes nothing, and it is synchronous, because deciding and removing happen in one go under the closed gate.
 * Start at `takeInventory`; what images need is in `documents.ts`, what records say in `records.ts`.
 */
import { lstatSync, readdirSync, readFileSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { isDigest } from '../../base/digest.ts';
import { errnoCode, TsbuildError } from '../../base/errors.ts';
import { decodeIndexEntries, imageNameAnnotation, pulledAnnotation, refNameAnnotation } from '../../store/layout-index.ts';
import { blobsBelowRoot } from '../../store/open.ts';
import { Documents, type ImageParts } from './documents.ts';
import type { EntryKind } from './entry-kinds.ts';
import { readRecord } from './records.ts';
import { snapshotFolders } from './snapshot-folders.ts';

/** Something that can be kept or removed as a whole. */
export interface Entry {
  readonly kind: EntryKind;
  /** Below the store's root: its own file or folder; null where it is nothing but blobs. */
  readonly path: string | null;
  /** Blobs, in hex, that are of no use to it when one of them is missing. Those that are there are kept with it. */
  readonly needs: readonly string[];
  /** Milliseconds since the epoch. */
  readonly lastUsedMs: number;
  /** The blob, in hex, without which it is of no use, but which it does not keep. */
  readonly of?: string;
  /** Without blobs. */
  readonly ownBytes: number;
  /** One line for people. */
  readonly about: string;
}

export interface Blob {
  readonly sizeBytes: number;
  readonly lastUsedMs: number;
}

export interface Inventory {
  readonly entries: readonly Entry[];
  /** By hex. */
  readonly blobs: ReadonlyMap<string, Blob>;
}

/** Sizes of trees by path below the root, measured before: walking them takes too long for a closed gate. */
export type TreeSizes = ReadonlyMap<string, number>;

/** Names that base images had before they were to go, by the hex of their top document. */
export type LostNames = ReadonlyMap<string, string>;

/**
 * Lists everything.
 * @throws TsbuildError `STORE_INDEX_BROKEN`: nobody knows then what has a name
 */
export function takeInventory(root: string, sizes: TreeSizes, lostNames: LostNames = new Map()): Inventory {
  const blobs = listBlobs(root);
  const documents = new Documents(join(root, blobsBelowRoot));
  const search: Search = { root, blobs, documents, sizes };
  const images = listImages(search);
  const records = [...listSteps(search), ...listDownloads(search), ...listCompressed(search)];
  const named = [...images, ...records];
  const unnamed = listUnnamed(search, new Set(named.flatMap(({ needs }) => needs)), lostNames);
  const known = new Set([...named, ...unnamed].flatMap(({ needs }) => needs));
  const unpacked = listUnpacked(search, known);
  for (const { needs } of unpacked) needs.forEach((hex) => known.add(hex));
  const loose = [...blobs].filter(([hex]) => !known.has(hex)).map(([hex, { lastUsedMs }]): Entry => blobEntry('loose blob', hex, lastUsedMs));
  return { blobs, entries: [...named, ...unnamed, ...unpacked, ...listTrees(search), ...loose] };
}

interface Search {
  readonly root: string;
  readonly blobs: ReadonlyMap<string, Blob>;
  readonly documents: Documents;
  readonly sizes: TreeSizes;
}

function blobEntry(kind: EntryKind, hex: string, lastUsedMs: number): Entry {
  return { kind, path: null, needs: [hex], lastUsedMs, ownBytes: 0, about: `sha256:${hex}` };
}

function listBlobs(root: string): ReadonlyMap<string, Blob> {
  const blobs = new Map<string, Blob>();
  for (const { name, stat } of listFolder(root, blobsBelowRoot)) {
    if (stat.isFile() && isDigest(`sha256:${name}`)) blobs.set(name, { sizeBytes: stat.size, lastUsedMs: stat.mtimeMs });
  }
  return blobs;
}

/** What the layout's index names, with or without a name. */
function listImages(search: Search): readonly Entry[] {
  const path = join(search.root, 'oci', 'index.json');
  const entries = decodeIndexEntries(readFileSync(path, 'utf8'));
  if (entries === null) {
    throw new TsbuildError('machine', 'STORE_INDEX_BROKEN', `read ${path}: it is no index of an image layout`, { hint: 'Repair the store with `tsbuild store verify --repair`.' });
  }
  return entries.map(({ digest, annotations = {} }) => {
    const hex = digest.slice('sha256:'.length);
    const about = annotations[imageNameAnnotation] ?? annotations[refNameAnnotation] ?? digest;
    return imageEntry(search, annotations[pulledAnnotation] === undefined ? 'image' : 'base image', hex, about);
  });
}

function imageEntry({ documents, blobs }: Search, kind: EntryKind, hex: string, about: string): Entry {
  return { kind, path: null, needs: neededBlobs(documents.partsOf(hex), blobs), lastUsedMs: blobs.get(hex)?.lastUsedMs ?? 0, ownBytes: 0, about };
}

/** Each layer once: as the manifest names it, or its tar where only that is there. */
function neededBlobs({ documents, layers }: ImageParts, blobs: Search['blobs']): readonly string[] {
  const needed = new Set(documents);
  for (const { stored, tar } of layers) needed.add(!blobs.has(stored) && tar !== null ? tar : stored);
  return [...needed];
}

/** Manifests and indexes that no name leads to: of builds without a tag, of base images by digest. */
function listUnnamed(search: Search, needed: ReadonlySet<string>, lostNames: LostNames): readonly Entry[] {
  const { documents, blobs } = search;
  const tops = [...blobs.keys()].filter((hex) => !needed.has(hex) && isTop(documents.read(hex)?.kind));
  const inner = new Set(tops.flatMap((hex) => [...documents.partsOf(hex).documents].filter((part) => part !== hex)));
  return tops.filter((hex) => !inner.has(hex)).map((hex) => {
    const lost = lostNames.get(hex);
    return imageEntry(search, lost === undefined ? 'unnamed image' : 'base image', hex, lost ?? `sha256:${hex}`);
  });
}

function isTop(kind: string | undefined): boolean {
  return kind === 'index' || kind === 'manifest';
}

/** Tars of layers that the store also has as they were pulled. */
function listUnpacked({ documents, blobs }: Search, known: ReadonlySet<string>): readonly Entry[] {
  const tars = new Set<string>();
  for (const hex of known) {
    const document = documents.read(hex);
    if (document?.kind === 'config') document.diffIDs.filter((tar) => blobs.has(tar) && !known.has(tar)).forEach((tar) => tars.add(tar));
  }
  return [...tars].map((hex) => blobEntry('unpacked layer', hex, blobs.get(hex)?.lastUsedMs ?? 0));
}

function listSteps(search: Search): readonly Entry[] {
  return files(search.root, join('cache', 'v1')).map(({ path, stat }): Entry => {
    const record = readRecord(join(search.root, path));
    const kind = record?.operation.startsWith('compress/') === true ? 'compressed layer' : 'step';
    return { kind, path, needs: record?.needs ?? [], lastUsedMs: record === null ? 0 : stat.mtimeMs, ownBytes: stat.size, about: record?.about ?? 'broken record' };
  });
}

function listDownloads({ root, blobs }: Search): readonly Entry[] {
  return [...files(root, join('cache', 'v1', 'http')), ...files(root, join('cache', 'v1', 'git'))].map(({ path, stat }): Entry => {
    const hex = /"digest":"sha256:([0-9a-f]{64})"/.exec(readFileSync(join(root, path), 'utf8'))?.[1];
    const lastUsedMs = Math.max(stat.mtimeMs, hex === undefined ? 0 : (blobs.get(hex)?.lastUsedMs ?? 0));
    return { kind: 'download', path, needs: hex === undefined ? [] : [hex], lastUsedMs, ownBytes: stat.size, about: hex === undefined ? 'broken record' : `sha256:${hex}` };
  });
}

/** `layers/v1/<diffID>/<blob>.json`: layers as they were pulled. */
function listCompressed({ root, blobs }: Search): readonly Entry[] {
  return listFolder(root, join('layers', 'v1')).flatMap(({ path: folder, stat: { mtimeMs } }) =>
    files(root, folder).map(({ name, path, stat }): Entry => {
      const hex = name.slice(0, -'.json'.length);
      return { kind: 'compressed layer', path, needs: [hex], lastUsedMs: blobs.get(hex)?.lastUsedMs ?? mtimeMs, ownBytes: stat.size, about: `sha256:${hex}` };
    }),
  );
}

function listTrees(search: Search): readonly Entry[] {
  const { root, sizes } = search;
  const entry = (kind: EntryKind, path: string, lastUsedMs: number, about: string): Entry => ({ kind, path, needs: [], lastUsedMs, ownBytes: sizes.get(path) ?? 0, about });
  return [
    ...listSnapshots(search),
    ...listFolder(root, join('mounts', 'v1')).filter(({ stat }) => stat.isDirectory()).map(({ name, path }) => entry('cache mount', path, statOf(join(root, `${path}.lock`))?.mtimeMs ?? 0, name)),
    ...files(root, join('files', 'v1'), '.jsonl').map(({ name, path, stat }) => ({ ...entry('context digests', path, stat.mtimeMs, name), ownBytes: stat.size })),
    ...listFolder(root, 'logs').filter(({ stat }) => stat.isDirectory()).map(({ name, path, stat }) => entry('log', path, stat.mtimeMs, name)),
  ];
}

/** By the boot that they were made in, then by layer. Those of another boot, and those without their tar, are of no use. */
function listSnapshots({ root, blobs, sizes }: Search): readonly Entry[] {
  const bootID = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return snapshotFolders.flatMap((folder) => listFolder(root, folder)).flatMap(({ name: boot, path: folder }) =>
    listFolder(root, folder).filter(({ stat }) => stat.isDirectory()).map(({ name, path, stat }): Entry => {
      const blob = blobs.get(name);
      const isOfUse = boot === bootID && (blob !== undefined || name.startsWith('chain-'));
      // A tree is about as large as its tar, which is known without a walk.
      return { kind: 'snapshot', path, needs: [], lastUsedMs: isOfUse ? (blob?.lastUsedMs ?? stat.ctimeMs) : 0, ownBytes: sizes.get(path) ?? blob?.sizeBytes ?? 0, about: name, of: name };
    }),
  );
}

interface Listed {
  readonly name: string;
  readonly path: string;
  readonly stat: Stats;
}

function files(root: string, folder: string, suffix = '.json'): readonly Listed[] {
  return listFolder(root, folder).filter(({ name, stat }) => stat.isFile() && name.endsWith(suffix));
}

/** Entries of a folder by the bytes of their names; one that vanishes meanwhile is left out. */
function listFolder(root: string, folder: string): readonly Listed[] {
  return namesIn(join(root, folder)).flatMap((name) => {
    const path = join(folder, name);
    const stat = statOf(join(root, path));
    return stat === null ? [] : [{ name, path, stat }];
  });
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path).sort();
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return [];
    throw error;
  }
}

function statOf(path: string): Stats | null {
  return lstatSync(path, { throwIfNoEntry: false }) ?? null;
}
