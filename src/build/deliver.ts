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
import type { Graph, VertexID } from '../graph/vertex.ts';
import type { ImageConfig, Platform } from '../image/config.ts';
import { formatReference, parseReference, withDefaultTag } from '../image/reference.ts';
import { openGzipPool, type GzipPool } from '../layer/gzip.ts';
import { exportTree } from '../layer/layer.ts';
import type { ResolvedImage } from '../source/resolver.ts';
import type { BuildRequest } from './build-request.ts';
import { composeConfig, targetLayers } from './compose.ts';
import type { BuildEnvironment } from './environment.ts';
import type { Inputs } from './executor.ts';

export interface Delivery {
  /** Digest of the config, or of the index where there is one. */
  readonly imageID: BlobDigest;
  readonly manifestDigest: BlobDigest;
  readonly names: readonly string[];
}

export interface DeliverOptions {
  readonly environment: BuildEnvironment;
  readonly cache: Cache;
  readonly request: BuildRequest;
  readonly specs: readonly OutputSpec[];
  /** Whether the image is an index of platforms. */
  readonly isIndex: boolean;
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
  const { store, reporter } = environment;
  const images = await Promise.all(environment.graph.targets.map((target) => buildImage(options, target)));
  const names = fullNames(request.tags);
  const step = reporter.describe(options.specs.length === 0 ? 'exporting to image' : `exporting to ${options.specs.map((spec) => spec.type).join(', ')}`);
  reporter.started(step);
  try {
    const kept = await storeImage(store, images, { names, isIndex: options.isIndex, annotations: request.annotations });
    const written = await writeOutputs(options, images, names, (text) => reporter.send({ type: 'step-note', id: step.id, text }));
    const root = written ?? kept.root;
    await writeReports(options, { ...kept, root }, names);
    reporter.done(step, false);
    return { imageID: imageIDOf({ ...kept, root }), manifestDigest: root.digest, names };
  } catch (error) {
    if (signal.aborted) reporter.canceled(step);
    else reporter.failed(step, error);
    throw error;
  }
}

/** As with buildx: the config's digest, or the index's where there is one. */
function imageIDOf({ configDigest, root }: KeptImage): BlobDigest {
  return configDigest ?? root.digest;
}

/** The image of one target; its layers are in the store. */
async function buildImage({ environment, images, results, signal }: DeliverOptions, target: VertexID): Promise<BuiltImage> {
  const { graph } = environment;
  const layers = targetLayers(graph, target, results);
  await environment.baseLayers.ensure(layers, signal);
  const config = composeConfig(graph, target, results);
  const base = baseImageOf(graph, target, images);
  return {
    config,
    configBytes: Buffer.from(canonicalJson(config as unknown as JsonValue)), // an ImageConfig is plain JSON data
    layers,
    platform: platformOf(config),
    ...(base === null ? {} : { baseLayers: base.manifest.layers }),
  };
}

function platformOf({ os, architecture, variant, 'os.version': version }: ImageConfig): Platform {
  return { os, architecture, ...(variant === undefined ? {} : { variant }), ...(version === undefined ? {} : { 'os.version': version }) };
}

/** The image that the target's lowest layers come from. */
function baseImageOf(graph: Graph, target: VertexID, images: ReadonlyMap<string, ResolvedImage>): ResolvedImage | null {
  let operation = graph.vertices[target]?.operation;
  while (operation !== undefined && 'root' in operation) operation = graph.vertices[operation.root]?.operation;
  if (operation?.kind !== 'image') return null;
  const { manifest } = operation;
  return [...images.values()].find((image) => image.descriptor.digest === manifest) ?? null;
}

/** The descriptor of the first output that holds an image, as it stands there; null where none does. */
async function writeOutputs(
  options: DeliverOptions,
  images: readonly BuiltImage[],
  names: readonly string[],
  note: (text: string) => void,
): Promise<KeptImage['root'] | null> {
  const { environment, request, signal, isIndex } = options;
  if (options.specs.length === 0) return null;
  const pool = openGzipPool();
  const ports = exportPorts(options, pool, note);
  let root: KeptImage['root'] | null = null;
  try {
    for (const spec of options.specs) {
      if (spec.type === 'oci' || spec.type === 'docker') await fetchOriginals(options, note);
      const exported = await exportImage({ store: environment.store, images, spec, isIndex, names, annotations: request.annotations, ports, signal });
      root ??= exported?.root ?? null;
    }
    return root;
  } finally {
    await pool.close();
  }
}

/** Base layers pass through as their image has them; what is missing of that is fetched now. */
async function fetchOriginals({ environment, images, results, signal }: DeliverOptions, note: (text: string) => void): Promise<void> {
  const { graph } = environment;
  for (const target of graph.targets) {
    const base = baseImageOf(graph, target, images);
    if (base === null) continue;
    await base.fetchOriginals(targetLayers(graph, target, results).slice(0, base.diffIDs.length), {
      signal,
      onProgress: (item, current, total, done) => {
        if (done === true) note(`fetched ${item} (${current} of ${total ?? current} bytes)`);
      },
    });
  }
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

async function writeReports({ request, environment: { store } }: DeliverOptions, image: KeptImage, names: readonly string[]): Promise<void> {
  if (request.iidFile !== null) await writeFileAtomically(request.iidFile, imageIDOf(image), store);
  if (request.metadataFile !== null) {
    await writeFileAtomically(request.metadataFile, encodeMetadata({ configDigest: image.configDigest, root: image.root, names }), store);
  }
}
