/**
 * Finds base images: named context, then the store, then the registry; and makes their layers present. It does not
 * mount, build or tag anything of its own. Start at `createResolver`; archives are read by `load-archive.ts`.
 */
import PQueue from 'p-queue';
import type { DiffID } from '../base/digest.ts';
import { invariant, TsbuildError } from '../base/errors.ts';
import type { Descriptor, ImageConfig, Manifest, Platform } from '../image/config.ts';
import { formatPlatform } from '../image/platform.ts';
import { formatReference, parseReference, withDefaultTag } from '../image/reference.ts';
import type { Registry } from '../registry/registry.ts';
import type { Store } from '../store/store.ts';
import type { Decompress } from './decompress.ts';
import { createLayerFetcher, type LayerFetcher, type LayerNeed } from './fetch-layers.ts';
import { findNamedContext, type NamedContext } from './named-context.ts';
import type { FetchIo, ImageOrigin } from './origin.ts';
import { registryOrigin } from './registry-origin.ts';
import { findRoot, type FoundRoot, type RootRequest } from './root.ts';
import { selectImage, type SelectedImage } from './select-image.ts';

/** A base image of which everything but its layers is in the store. */
export interface ResolvedImage {
  /** For messages: the full reference, or the layout. */
  readonly name: string;
  /** The manifest that was chosen for the platform. */
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  readonly configBytes: Uint8Array;
  /** Lowest first, one for each layer of the manifest. */
  readonly diffIDs: readonly DiffID[];
  /** Makes the layers' uncompressed tars present in the store, each as the blob of its diffID, verified both ways. */
  fetchLayers(wanted: readonly DiffID[], io: FetchIo): Promise<void>;
  /**
   * Makes the layers' blobs present as the manifest names them. An output that passes base layers through calls it, so
   * that its bytes do not depend on what else was pulled before.
   */
  fetchOriginals(wanted: readonly DiffID[], io: FetchIo): Promise<void>;
}

/** A reference as FROM, COPY --from or RUN --mount=from have it after substitution. */
export interface ImageRequest {
  readonly reference: string;
  readonly platform: Platform;
  /** Ask the registry even where the store has the tag. */
  readonly pull: boolean;
}

export interface ImageResolver {
  /**
   * @throws TsbuildError `IMAGE_NOT_FOUND`, `PLATFORM_MISSING`, `REGISTRY_…`, class registry; `REFERENCE_INVALID`,
   *   `NAMED_CONTEXT_NOT_IMAGE`, class usage
   */
  resolve(request: ImageRequest, signal: AbortSignal): Promise<ResolvedImage>;
}

export interface ResolverOptions {
  readonly store: Store;
  /** Called when something is not in the store: a cached build never loads the client. */
  readonly registry: () => Promise<Registry>;
  readonly namedContexts: ReadonlyMap<string, NamedContext>;
  readonly decompress: Decompress;
}

/** Layers that are decompressed and written at once. */
const layersAtOnceMax = 4;

/** The resolver of one build. What it resolved it remembers: a tag cannot change in the middle of a build. */
export function createResolver(options: ResolverOptions): ImageResolver {
  const fetcher = createLayerFetcher({ store: options.store, decompress: options.decompress, queue: new PQueue({ concurrency: layersAtOnceMax }) });
  const known = new Map<string, Promise<ResolvedImage>>();
  const roots = new Map<string, Promise<FoundRoot>>();
  return {
    resolve: (request, signal) => {
      const key = JSON.stringify([request.reference, formatPlatform(request.platform), request.pull]);
      const found = known.get(key);
      if (found !== undefined) return found;
      const resolving = resolve(request, { ...options, fetcher, roots, signal });
      known.set(key, resolving);
      // A failure is not remembered: it may have been the caller's abort. Whoever awaits `resolving` gets the error.
      resolving.catch(() => known.delete(key));
      return resolving;
    },
  };
}

interface Resolution extends ResolverOptions {
  readonly fetcher: LayerFetcher;
  /** What references stand for, so that all platforms of a build are of one index. */
  readonly roots: Map<string, Promise<FoundRoot>>;
  readonly signal: AbortSignal;
}

async function resolve(request: ImageRequest, resolution: Resolution): Promise<ResolvedImage> {
  const context = findNamedContext(resolution.namedContexts, request.reference);
  switch (context?.kind) {
    case undefined:
      return resolveReference(request, resolution);
    case 'image':
      return resolveReference({ ...request, reference: context.reference }, resolution);
    case 'oci-layout':
      return resolveLayout(request, context, resolution);
    case 'directory':
    case 'remote':
      throw new TsbuildError('usage', 'NAMED_CONTEXT_NOT_IMAGE', `resolve ${request.reference}: the named context of this name is a ${context.kind}, not an image`, {
        hint: 'Give it as docker-image://REFERENCE or oci-layout://DIRECTORY.',
      });
  }
}

async function resolveReference(request: ImageRequest, resolution: Resolution): Promise<ResolvedImage> {
  const reference = withDefaultTag(parseReference(request.reference));
  const origin = registryOrigin(resolution.registry, reference);
  const { store, signal } = resolution;
  const found = await findRootOnce(resolution, { store, registry: resolution.registry, reference, pull: request.pull, signal });
  const image = await selectImage({ root: found.descriptor, platform: request.platform, store, origin, signal });
  // Only now: a tag that is recorded leads to a manifest and a config that are there.
  if (found.tag !== null) await store.tags.update({ set: [{ ...found.tag, pulled: true }] });
  return describe(formatReference(reference), image, origin, resolution);
}

/** A failure is not remembered, as that of an image is not. */
function findRootOnce({ roots }: Resolution, request: RootRequest): Promise<FoundRoot> {
  const key = JSON.stringify([formatReference(request.reference), request.pull]);
  const finding = roots.get(key) ?? findRoot(request);
  roots.set(key, finding);
  finding.catch(() => roots.delete(key));
  return finding;
}

async function resolveLayout(request: ImageRequest, context: NamedContext & { kind: 'oci-layout' }, resolution: Resolution): Promise<ResolvedImage> {
  const { store, signal } = resolution;
  const { findLayoutRoot, layoutOrigin } = await import('./layout.ts');
  const origin = layoutOrigin(context.path);
  const root = await findLayoutRoot(context);
  const image = await selectImage({ root, platform: request.platform, store, origin, signal });
  return describe(origin.name, image, origin, resolution);
}

function describe(name: string, image: SelectedImage, origin: ImageOrigin, { fetcher }: Resolution): ResolvedImage {
  const diffIDs = image.config.rootfs.diff_ids;
  const fetch = async (need: LayerNeed, wanted: readonly DiffID[], io: FetchIo): Promise<void> => {
    const layers = [...new Set(wanted)].map((diffID) => {
      const layer = image.manifest.layers[diffIDs.indexOf(diffID)];
      invariant(layer !== undefined, `${name} has no layer ${diffID}`);
      return { layer, diffID };
    });
    await fetcher.fetchAll({ layers, need, origin, io });
  };
  return {
    ...image,
    name,
    diffIDs,
    fetchLayers: (wanted, io) => fetch('tar', wanted, io),
    fetchOriginals: (wanted, io) => fetch('original', wanted, io),
  };
}
