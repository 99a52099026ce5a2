/**
 * What an image needs, read from its documents in the store: index, manifests, configs. Lenient: a document that is broken
 * or missing needs nothing more, because nothing can be built on it. It leases nothing, unlike the store's own readers.
 */
import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDigest } from '../../base/digest.ts';
import { errnoCode } from '../../base/errors.ts';
import { mediaTypes } from '../../image/config.ts';
import { indexCountMax, indexDepthMax, layerCountMax, manifestSizeBytesMax } from '../../image/limits.ts';

/** A layer by both of its names, in hex; `tar` is null where the config does not say it. */
export interface ImageLayer {
  readonly stored: string;
  readonly tar: string | null;
}

/** What an image is made of; everything in hex. */
export interface ImageParts {
  /** Indexes, manifests, configs. */
  readonly documents: ReadonlySet<string>;
  readonly layers: readonly ImageLayer[];
}

/** A document by what it is; null for everything else. */
export type Document =
  | { readonly kind: 'index'; readonly manifests: readonly string[] }
  /** `plainLayers`: those of `layers` that are uncompressed. */
  | { readonly kind: 'manifest'; readonly config: string; readonly layers: readonly string[]; readonly plainLayers: readonly string[] }
  | { readonly kind: 'config'; readonly diffIDs: readonly string[] };

/** Reads documents of one folder of blobs, each once. */
export class Documents {
  readonly #folder: string;
  readonly #known = new Map<string, Document | null>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The document in a blob, or null if it is none that says something. */
  read(hex: string): Document | null {
    const known = this.#known.get(hex);
    if (known !== undefined) return known;
    const document = decodeDocument(readSmall(join(this.#folder, hex)));
    this.#known.set(hex, document);
    return document;
  }

  /** Everything below an index or a manifest. */
  partsOf(root: string): ImageParts {
    const documents = new Set<string>();
    const layers: ImageLayer[] = [];
    const visit = (hex: string, depth: number): void => {
      if (documents.has(hex) || depth > indexDepthMax) return;
      documents.add(hex);
      const document = this.read(hex);
      if (document?.kind === 'index') document.manifests.forEach((manifest) => { visit(manifest, depth + 1); });
      if (document?.kind !== 'manifest') return;
      documents.add(document.config);
      const config = this.read(document.config);
      const diffIDs = config?.kind === 'config' ? config.diffIDs : [];
      document.layers.forEach((stored, at) => layers.push({ stored, tar: diffIDs[at] ?? null }));
    };
    visit(root, 0);
    return { documents, layers };
  }
}

function readSmall(path: string): string | null {
  try {
    const stat = lstatSync(path);
    return stat.isFile() && stat.size <= manifestSizeBytesMax * 2 ? readFileSync(path, 'utf8') : null;
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return null;
    throw error;
  }
}

function decodeDocument(text: string | null): Document | null {
  if (text === null || !text.trimStart().startsWith('{')) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  const { manifests, config, layers, rootfs } = fieldsOf(value);
  if (Array.isArray(manifests)) return { kind: 'index', manifests: listOf(manifests, indexCountMax, digestField) };
  const [configHex] = listOf([config], 1, digestField);
  if (configHex !== undefined && Array.isArray(layers)) return { kind: 'manifest', config: configHex, layers: listOf(layers, layerCountMax, digestField), plainLayers: listOf(layers.filter(isPlainLayer), layerCountMax, digestField) };
  const { diff_ids: diffIDs } = fieldsOf(rootfs);
  return Array.isArray(diffIDs) ? { kind: 'config', diffIDs: listOf(diffIDs, layerCountMax, hexOfText) } : null;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}; // fields are checked one by one
}

function listOf(values: readonly unknown[], countMax: number, read: (value: unknown) => string | null): readonly string[] {
  return values.slice(0, countMax).flatMap((value) => read(value) ?? []);
}

function isPlainLayer(value: unknown): boolean {
  return fieldsOf(value)['mediaType'] === mediaTypes.ociLayer;
}

function digestField(value: unknown): string | null {
  return hexOfText(fieldsOf(value)['digest']);
}

/** The hex of a digest as text. */
export function hexOfText(value: unknown): string | null {
  return typeof value === 'string' && isDigest(value) ? value.slice('sha256:'.length) : null;
}
