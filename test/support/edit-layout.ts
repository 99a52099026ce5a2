/** Layouts whose image config says what a test wants, whatever that is: JSON as text, so that it can be wrong. */
import { createHash } from 'node:crypto';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The parts of an image config that an edit looks at. */
export interface PlainConfig {
  readonly architecture: string;
  readonly os: string;
  readonly rootfs: { readonly type: string; readonly diff_ids: readonly string[] };
  readonly [field: string]: unknown;
}

interface Descriptor {
  readonly digest: string;
  readonly size: number;
}

interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface LayoutEdit {
  /** A layout of one image. */
  readonly from: string;
  /** Made; must not exist. */
  readonly folder: string;
  /** Returns the text of the new config. */
  readonly config: (old: PlainConfig) => string;
  /** The same layers, over and over. 1 where it is left out. */
  readonly times?: number;
}

/** Copies the layout with another config; tools that judge layouts find it whole. */
export async function editLayout({ from, folder, config, times = 1 }: LayoutEdit): Promise<void> {
  await cp(from, folder, { recursive: true });
  const index = await readJson<{ manifests: Descriptor[] }>(join(folder, 'index.json'));
  const manifest = await readJson<Manifest>(blobPath(folder, index.manifests[0]?.digest ?? ''));
  const text = config(await readJson<PlainConfig>(blobPath(folder, manifest.config.digest)));
  const changed = { ...manifest, config: { ...manifest.config, ...(await addBlob(folder, text)) }, layers: Array.from({ length: times }, () => manifest.layers).flat() };
  const root = await addBlob(folder, JSON.stringify(changed));
  await writeFile(join(folder, 'index.json'), JSON.stringify({ ...index, manifests: index.manifests.map((entry) => ({ ...entry, ...root })) }));
}

async function readJson<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(file, 'utf8')) as T; // written by this project's tests
}

async function addBlob(folder: string, text: string): Promise<Descriptor> {
  const bytes = Buffer.from(text);
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  await writeFile(blobPath(folder, digest), bytes);
  return { digest, size: bytes.length };
}

function blobPath(folder: string, digest: string): string {
  return join(folder, 'blobs', digest.replace(':', '/'));
}
