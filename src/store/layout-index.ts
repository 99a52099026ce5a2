/**
 * The layout's `index.json` as data: the entries that are ours to change, and whatever else stands there, kept as it is.
 * Source: OCI image spec, image-layout.md#indexjson-file.
 */
import { canonicalJson, compareBytes, type JsonValue } from '../base/canonical.ts';
import { isDigest } from '../base/digest.ts';
import type { Descriptor } from '../base/descriptor.ts';
import type { Tag, TagChanges } from './store.ts';

/** Where other tools look for an entry's name (OCI annotations.md). */
export const refNameAnnotation = 'org.opencontainers.image.ref.name';
/** Where containerd and `docker load` look for it. */
export const imageNameAnnotation = 'io.containerd.image.name';

/** Ours: the entry is of an image that a build fetched. */
export const pulledAnnotation = 'tsbuild.pulled';

/** An `index.json` after reading. */
export interface LayoutIndex {
  readonly tags: readonly Tag[];
  /** Entries without a name, which other tools may have written. */
  readonly others: readonly Descriptor[];
}

export const emptyLayoutIndex: LayoutIndex = { tags: [], others: [] };

/** Reads an `index.json`; null if it is not one. */
export function decodeLayoutIndex(text: string): LayoutIndex | null {
  const entries = decodeIndexEntries(text);
  if (entries === null) return null;
  return {
    tags: entries.flatMap((entry) => tagOf(entry) ?? []),
    others: entries.filter((entry) => tagOf(entry) === null),
  };
}

/** Reads the descriptors of an `index.json`, as they stand; null if it is not one. */
export function decodeIndexEntries(text: string): readonly Descriptor[] | null {
  const index = parseJson(text);
  if (!isObject(index) || index['schemaVersion'] !== 2 || !Array.isArray(index['manifests'])) return null;
  const entries: readonly unknown[] = index['manifests'];
  return entries.every(isDescriptor) ? entries : null;
}

/** Writes an `index.json`: entries by the bytes of their names, those that nobody named first. */
export function encodeLayoutIndex(index: LayoutIndex): string {
  const tags = [...index.tags].sort((a, b) => compareBytes(a.name, b.name));
  return encodeIndex([...index.others, ...tags.map(entryOf)]);
}

/** Writes descriptors as an `index.json`. */
export function encodeIndex(manifests: readonly Descriptor[]): string {
  return canonicalJson({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    // A descriptor is an interface of JSON values only; TypeScript does not see that an interface is one.
    manifests: manifests as unknown as readonly JsonValue[],
  });
}

/** The tags after a change; names in `set` win over the same names in `remove`. */
export function changeTags(tags: readonly Tag[], { set = [], remove = [], removePulled = [] }: TagChanges): readonly Tag[] {
  const byName = new Map(tags.map((tag) => [tag.name, tag]));
  for (const name of remove) byName.delete(name);
  for (const name of removePulled) if (byName.get(name)?.pulled === true) byName.delete(name);
  for (const tag of set) {
    const known = byName.get(tag.name);
    const { name, descriptor } = tag;
    byName.set(name, known !== undefined && known.pulled === undefined ? { name, descriptor } : tag);
  }
  return [...byName.values()].sort((a, b) => compareBytes(a.name, b.name));
}

/** The name stands in two annotations, its origin in a third; none is part of the tag's descriptor when it is read back. */
function tagOf(entry: Descriptor): Tag | null {
  const { [refNameAnnotation]: refName, [imageNameAnnotation]: imageName, [pulledAnnotation]: pulled, ...rest } = entry.annotations ?? {};
  const name = imageName ?? refName;
  if (name === undefined) return null;
  const { mediaType, digest, size, platform } = entry;
  const annotations = Object.keys(rest).length === 0 ? {} : { annotations: rest };
  return { name, descriptor: { mediaType, digest, size, ...(platform === undefined ? {} : { platform }), ...annotations }, ...(pulled === undefined ? {} : { pulled: true }) };
}

function entryOf({ name, descriptor, pulled }: Tag): Descriptor {
  const origin = pulled === undefined ? {} : { [pulledAnnotation]: 'true' };
  return { ...descriptor, annotations: { ...descriptor.annotations, [refNameAnnotation]: name, [imageNameAnnotation]: name, ...origin } };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isDescriptor(value: unknown): value is Descriptor {
  if (!isObject(value)) return false;
  const { mediaType, digest, size, annotations = {} } = value;
  return (
    typeof mediaType === 'string' &&
    typeof digest === 'string' && isDigest(digest) &&
    typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 &&
    isObject(annotations) && Object.values(annotations).every((text) => typeof text === 'string')
  );
}
