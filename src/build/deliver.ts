/** After the last step: the image goes into the store, gets its names, and is written to the outputs. */
import type { Writable } from 'node:stream';
import { canonicalJson, type JsonValue } from '../base/canonical.ts';
import type { BlobDigest, DiffID } from '../base/digest.ts';
import { TsbuildError } from '../base/errors.ts';
import type { Cache } from '../cache/cache.ts';
import type { BuiltImage } from '../export/built-image.ts';
import { layerCompressor } from '../export/compress.ts';
import { layerCompressors } from '../export/compressors.ts';
import { exportImage, type ExportPorts } from '../export/export.ts';
import { encodeMetadata } from '../export/metadata.ts';
import { writeFileAtomically } from '../export/output-file.ts';
import type { OutputSpec } from '../export/output-spec.ts';
import { storeImage, type KeptImage } from '../export/store-image.ts';
import { streamFromWriter } from '../export/stream-from-writer.ts';
import type { Graph } from '../graph/vertex.ts';
import type { ImageConfig } from '../image/config.ts';
import { formatReference, parseReference, withDefaultTag } from '../image/reference.ts';
import { openGzipPool, type GzipPool } from '../layer/gzip.ts';
import { exportTree } from '../layer/layer.ts';
import type { ResolvedImage } from '../source/resolver.ts';
import type { BuildRequest } from './build-request.ts';
import { composeConfig, targetLayers } from './compose.ts';
import type { BuildEnvironment } from './environment.ts';
import type { Inputs } from './executor.ts';

export interface Delivery {
  readonly imageID: BlobDigest;
  readonly manifestDigest: BlobDigest;
  readonly names: readonly string[];
}

export interface DeliverOptions {
  readonly environment: BuildEnvironment;
  readonly cache: Cache;
  readonly request: BuildRequest;
  readonly specs: readonly OutputSpec[];
  readonly results: Inputs;
  readonly images: ReadonlyMap<string, ResolvedImage>;
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly signal: AbortSignal;
}

/** The names of `-t` in full. @throws TsbuildError `REFERENCE_INVALID`, `TAG_HAS_DIGEST` */
export function fullNames(tags: readonly string[]): readonly string[] {
  return tags.map((tag) => {
    const reference = parseReference(tag);
    if (reference.digest === undefined) return formatReference(withDefaultTag(reference));
    throw new TsbuildError('usage', 'TAG_HAS_DIGEST', `--tag ${tag}: a name of an image cannot have a digest`, { hint: 'Leave out the part behind the @.' });
  });
}

export async function deliver(options: DeliverOptions): Promise<Delivery> {
  const { environment, request, signal } = options;
  const { store, graph, reporter } = environment;
  const layers = targetLayers(graph, options.results);
  await environment.baseLayers.ensure(layers, signal);
  const image = buildImage(options, composeConfig(graph, options.results), layers);
  const names = fullNames(request.tags);
  const step = reporter.describe(options.specs.length === 0 ? 'exporting to image' : `exporting to ${options.specs.map((spec) => spec.type).join(', ')}`);
  reporter.started(step);
  try {
    const kept = await storeImage(store, [image], names);
    const root = await writeOutputs(options, image, names, (text) => reporter.send({ type: 'step-note', id: step.id, text }));
    await writeReports(request, root === null ? kept : { ...kept, root }, names);
    reporter.done(step, false);
    return { imageID: kept.configDigest, manifestDigest: (root ?? kept.root).digest, names };
  } catch (error) {
    if (signal.aborted) reporter.canceled(step);
    else reporter.failed(step, error);
    throw error;
  }
}

function buildImage({ environment, images, request }: DeliverOptions, config: ImageConfig, layers: readonly DiffID[]): BuiltImage {
  const annotations = request.annotations.filter(({ level, platform }) => level === 'manifest' && platform === null);
  const base = baseImageOf(environment.graph, images);
  return {
    config,
    configBytes: Buffer.from(canonicalJson(config as unknown as JsonValue)), // an ImageConfig is plain JSON data
    layers,
    platform: { os: config.os, architecture: config.architecture, ...(config.variant === undefined ? {} : { variant: config.variant }) },
    ...(annotations.length === 0 ? {} : { annotations: Object.fromEntries(annotations.map(({ key, value }) => [key, value])) }),
    ...(base === null ? {} : { baseLayers: base.manifest.layers }),
  };
}

/** The image that the target's lowest layers come from. */
function baseImageOf(graph: Graph, images: ReadonlyMap<string, ResolvedImage>): ResolvedImage | null {
  let operation = graph.vertices[graph.target]?.operation;
  while (operation !== undefined && 'root' in operation) operation = graph.vertices[operation.root]?.operation;
  if (operation?.kind !== 'image') return null;
  const { manifest } = operation;
  return [...images.values()].find((image) => image.descriptor.digest === manifest) ?? null;
}

/** The descriptor of the first output that holds an image, as it stands there; null where none does. */
async function writeOutputs(
  options: DeliverOptions,
  image: BuiltImage,
  names: readonly string[],
  note: (text: string) => void,
): Promise<KeptImage['root'] | null> {
  const { environment, signal } = options;
  if (options.specs.length === 0) return null;
  const pool = openGzipPool();
  const ports = exportPorts(options, pool, note);
  let root: KeptImage['root'] | null = null;
  try {
    for (const spec of options.specs) {
      if (spec.type === 'oci' || spec.type === 'docker') await fetchOriginals(options, image, note);
      const exported = await exportImage({ store: environment.store, images: [image], spec, names, ports, signal });
      root ??= exported?.root ?? null;
    }
    return root;
  } finally {
    await pool.close();
  }
}

/** Base layers pass through as their image has them; what is missing of that is fetched now. */
async function fetchOriginals(options: DeliverOptions, image: BuiltImage, note: (text: string) => void): Promise<void> {
  const base = baseImageOf(options.environment.graph, options.images);
  if (base === null) return;
  const wanted = image.layers.slice(0, base.diffIDs.length);
  await base.fetchOriginals(wanted, {
    signal: options.signal,
    onProgress: (item, current, total, done) => {
      if (done === true) note(`fetched ${item} (${current} of ${total ?? current} bytes)`);
    },
  });
}

function exportPorts({ environment, cache, stdout }: DeliverOptions, pool: GzipPool, note: (text: string) => void): ExportPorts {
  const unavailable = (what: string, hint: string): Promise<never> =>
    Promise.reject(new TsbuildError('usage', 'OUTPUT_UNAVAILABLE', `${what} is not available yet`, { hint }));
  return {
    stdout,
    compress: layerCompressor({ blobs: environment.store.blobs, records: cache, compressors: layerCompressors(pool) }),
    rootfs: (image, signal) => readTree(environment, image.layers, signal),
    push: () => unavailable('pushing to a registry', 'Write an archive with -o type=oci,dest=image.tar and push it with skopeo or crane.'),
    load: () => unavailable('loading into Docker', 'Write an archive with -o type=docker,dest=image.tar and run docker load -i image.tar.'),
    notice: note,
  };
}

/** The merged tree as one tar, while the sandbox process writes it. */
async function* readTree(environment: BuildEnvironment, layers: readonly DiffID[], signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { helper, snapshots } = await environment.machinery();
  const view = await snapshots.view(layers, signal);
  yield* streamFromWriter(async (fd) => {
    await exportTree(helper, { view }, fd, signal);
  });
}

async function writeReports(request: BuildRequest, image: KeptImage, names: readonly string[]): Promise<void> {
  if (request.iidFile !== null) await writeFileAtomically(request.iidFile, image.configDigest);
  if (request.metadataFile !== null) {
    await writeFileAtomically(request.metadataFile, encodeMetadata({ configDigest: image.configDigest, root: image.root, names }));
  }
}
