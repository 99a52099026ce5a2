/**
 * Outputs of a build: archives, layouts, root file systems, and what goes to a registry or to Docker.
 * It does not build, push or talk to Docker: those come in as functions. What it writes is whole or not there.
 * Start at `exportImage`; `parse-output.ts` reads `-o`, `compose.ts` makes manifests, `layout.ts` the files of an archive.
 */
import { join } from 'node:path';
import { invariant } from '../base/errors.ts';
import { formatPlatform } from '../image/platform.ts';
import type { Store } from '../store/store.ts';
import { packArchive } from './archive.ts';
import type { BuiltImage } from './built-image.ts';
import { composeImage } from './compose.ts';
import { chooseLayers, type CompressLayer } from './layers.ts';
import { writeDestination, type StandardOutput } from './destination.ts';
import { layoutFiles, type LayoutImage } from './layout.ts';
import { writeLayoutFolder } from './layout-folder.ts';
import { writeFolder } from './output-folder.ts';
import type { ArchiveOutput, ImageOutput, ImageOutputOptions, LocalOutput, OutputAnnotation, OutputSpec } from './output-spec.ts';
import { unpackTree } from './unpack.ts';

/** What an export needs of the rest of the program. */
export interface ExportPorts {
  readonly stdout: StandardOutput;
  readonly compress: CompressLayer;
  /** The image's merged tree as one plain tar: each path once, folders first, no whiteouts. */
  readonly rootfs: (image: BuiltImage, signal: AbortSignal) => AsyncIterable<Uint8Array>;
  /** Uploads documents and layers, which are in the store, and names them. */
  readonly push: (image: LayoutImage, output: ImageOutput, signal: AbortSignal) => Promise<void>;
  /** Gives a Docker archive to the Docker or Podman that is there. */
  readonly load: (archive: AsyncIterable<Uint8Array>, signal: AbortSignal) => Promise<void>;
  /** One line for people, such as a device that could not stand in a folder. */
  readonly notice: (text: string) => void;
}

export interface ExportRequest {
  readonly store: Store;
  /** One for each platform, at least one. */
  readonly images: readonly BuiltImage[];
  readonly spec: OutputSpec;
  /** Whether the image is an index; several images always are one. */
  readonly isIndex: boolean;
  /** Full names from `-t`; where there are any they win over those in the output. */
  readonly names: readonly string[];
  /** For all outputs; they win over those in the output. */
  readonly annotations: readonly OutputAnnotation[];
  readonly ports: ExportPorts;
  readonly signal: AbortSignal;
}

/** The image as it stands in an output; null where the output holds no image. */
export type Exported = LayoutImage | null;

/**
 * Writes one output. Several are written by several calls; look at all with `checkOutputs` before the build.
 * @throws TsbuildError `OUTPUT_…`, `DISK_FULL`, `BLOB_CORRUPT`, `BLOB_MISSING`; what a port throws; the signal's reason
 */
export async function exportImage(request: ExportRequest): Promise<Exported> {
  const { spec, ports, signal } = request;
  switch (spec.type) {
    case 'cacheonly':
      return null;
    case 'tar':
      return toNull(writeDestination(spec.dest, ports.rootfs(singleImage(request), signal), { stdout: ports.stdout, record: request.store, signal }));
    case 'local':
      return toNull(exportLocal(request, spec));
    case 'oci':
    case 'docker':
      return exportArchive(request, spec);
    case 'load': {
      const image = await prepareImage(request, spec);
      singleImage(request);
      await ports.load(packArchive(layoutFiles([image], request.store.blobs, true)), signal);
      return image;
    }
    case 'image': {
      // Without push the image in the store is all that was asked for, and it has plain layers.
      if (!spec.push) return null;
      const image = await prepareImage(request, spec);
      await ports.push(image, spec, signal);
      return image;
    }
  }
}

/** Chooses or makes the layers' blobs and composes the documents: all that an archive or a registry needs. */
export async function prepareImage(request: ExportRequest, options: ImageOutputOptions): Promise<LayoutImage> {
  const { images, store, ports, signal } = request;
  const parts = [];
  for (const image of images) {
    parts.push({ image, layers: await chooseLayers(image, options.compression, { blobs: store.blobs, compress: ports.compress, signal }) });
  }
  const names = request.names.length > 0 ? request.names : options.names;
  return composeImage(parts, { names, isIndex: request.isIndex, annotations: [...options.annotations, ...request.annotations] });
}

async function exportArchive(request: ExportRequest, spec: ArchiveOutput): Promise<LayoutImage> {
  if (spec.type === 'docker') singleImage(request);
  const image = await prepareImage(request, spec);
  const files = layoutFiles([image], request.store.blobs, spec.type === 'docker');
  const { ports, store: record, signal } = request;
  if (spec.tar) await writeDestination(spec.dest, packArchive(files), { stdout: ports.stdout, record, signal });
  else await writeLayoutFolder(spec.dest, files, { record, signal });
  return image;
}

async function exportLocal({ images, isIndex, ports, store: record, signal }: ExportRequest, spec: LocalOutput): Promise<void> {
  const options = { signal, skipped: (name: string) => ports.notice(`not written to ${spec.dest}: ${name} is a device or FIFO`) };
  for (const image of images) {
    // As buildx: several platforms stand in folders of their own.
    const dest = !(spec.platformSplit ?? isIndex) ? spec.dest : join(spec.dest, formatPlatform(image.platform).replaceAll('/', '_'));
    await writeFolder(dest, (folder) => unpackTree(ports.rootfs(image, signal), folder, options), { record, signal });
  }
}

/** `checkOutputs` has refused the others. */
function singleImage({ images, isIndex }: ExportRequest): BuiltImage {
  const [image] = images;
  invariant(image !== undefined && !isIndex, 'an output for one platform got several');
  return image;
}

async function toNull(work: Promise<void>): Promise<null> {
  await work;
  return null;
}
