/**
 * Writes an OCI image layout (image-spec, image-layout.md) of one image or one index from layer tars, in plain TypeScript: no part of
 * tsbuild helps, so that tests of tsbuild have inputs that it did not make. The same tars give the same bytes.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** The part of an image config that base images of tests set. */
export interface BaseConfig {
  readonly Env: readonly string[];
  readonly Cmd: readonly string[];
  readonly WorkingDir?: string;
}

/** One image. */
export interface ImageInput {
  /** Uncompressed tars, lowest first. */
  readonly layerTars: readonly string[];
  /** Compressed layers are what registries hold. */
  readonly gzip: boolean;
  readonly config: BaseConfig;
  /** This machine's where there is none. */
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string };
}

interface LayoutPlace {
  /** Made; must not exist. */
  readonly folder: string;
  /** Value of `org.opencontainers.image.ref.name`. */
  readonly tag: string;
}

/** What goes into a layout of one image. */
export interface LayoutInput extends LayoutPlace, ImageInput {}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const created = '1980-01-02T00:00:00Z';
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

/** Writes the layout and returns the manifest's digest. */
export async function writeLayout(input: LayoutInput): Promise<string> {
  const manifest = await addImage(input.folder, input);
  return finish(input, manifest);
}

/** Writes a layout of an index with these images and returns the index's digest. */
export async function writeIndexLayout(input: LayoutPlace & { readonly images: readonly ImageInput[] }): Promise<string> {
  const manifests = [];
  for (const image of input.images) manifests.push({ ...await addImage(input.folder, image), platform: image.platform });
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  return finish(input, await addJson(input.folder, mediaType, { schemaVersion: 2, mediaType, manifests }));
}

async function addImage(folder: string, input: ImageInput): Promise<Descriptor> {
  await mkdir(join(folder, 'blobs/sha256'), { recursive: true });
  const layers: Descriptor[] = [];
  const diffIDs: string[] = [];
  for (const tar of input.layerTars) {
    const { descriptor, diffID } = await addLayer(folder, input.gzip, tar);
    layers.push(descriptor);
    diffIDs.push(diffID);
  }
  const platform = input.platform ?? { architecture: architectures[arch()] ?? arch(), os: 'linux' };
  const config = await addJson(folder, 'application/vnd.oci.image.config.v1+json', {
    architecture: platform.architecture,
    config: input.config,
    created,
    history: diffIDs.map((_, index) => ({ created, created_by: `test base image, layer ${String(index)}` })),
    os: platform.os,
    rootfs: { diff_ids: diffIDs, type: 'layers' },
    variant: input.platform?.variant,
  });
  return addJson(folder, 'application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config, layers,
  });
}

async function finish({ folder, tag }: LayoutPlace, root: Descriptor): Promise<string> {
  const tagged = { ...root, annotations: { 'org.opencontainers.image.ref.name': tag } };
  await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [tagged] }));
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  return root.digest;
}

async function addLayer(folder: string, gzip: boolean, tar: string): Promise<{ descriptor: Descriptor; diffID: string }> {
  const temporary = join(folder, 'layer.tmp');
  const inside = new Meter();
  const outside = new Meter();
  const source = createReadStream(tar);
  const sink = createWriteStream(temporary);
  if (gzip) await pipeline(source, inside, createGzip({ level: 1 }), outside, sink);
  else await pipeline(source, inside, outside, sink);
  const digest = outside.digest();
  await rename(temporary, blobPath(folder, digest));
  const mediaType = `application/vnd.oci.image.layer.v1.tar${gzip ? '+gzip' : ''}`;
  return { descriptor: { mediaType, digest, size: outside.sizeBytes }, diffID: inside.digest() };
}

async function addJson(folder: string, mediaType: string, value: unknown): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(value));
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  await writeFile(blobPath(folder, digest), bytes);
  return { mediaType, digest, size: bytes.length };
}

function blobPath(folder: string, digest: string): string {
  return join(folder, 'blobs', digest.replace(':', '/'));
}

/** Passes bytes on, counts and digests them. */
class Meter extends Transform {
  sizeBytes = 0;
  readonly #hash = createHash('sha256');

  override _transform(chunk: Buffer, _encoding: string, done: (error: null, data: Buffer) => void): void {
    this.sizeBytes += chunk.length;
    this.#hash.update(chunk);
    done(null, chunk);
  }

  digest(): string {
    return `sha256:${this.#hash.digest('hex')}`;
  }
}
