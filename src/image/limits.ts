/**
 * What image documents may contain at most, and which media types they may name. Nothing is decided here.
 */
import { mediaTypes } from './config.ts';

/** Bytes of a manifest or an index: the limit of registries (distribution-spec, "Pushing Manifests"). */
export const manifestSizeBytesMax = 4 * 1024 * 1024;
/** Bytes of an image config. */
export const configSizeBytesMax = 8 * 1024 * 1024;
/** Bytes of a layer as it is sent: 1 TiB. */
export const blobSizeBytesMax = 2 ** 40;
/** Layers of one image; overlayfs itself stops at 500. */
export const layerCountMax = 1000;
/** Manifests of one index. */
export const indexCountMax = 1000;
/** Entries of `history`, of `Env` and of the other lists in a config. */
export const configListCountMax = 10_000;
/** Indexes within indexes. */
export const indexDepthMax = 4;

export const manifestMediaTypes: ReadonlySet<string> = new Set([mediaTypes.ociManifest, mediaTypes.dockerManifest]);
export const indexMediaTypes: ReadonlySet<string> = new Set([mediaTypes.ociIndex, mediaTypes.dockerIndex]);
/** `application/octet-stream`: Docker 1.10 wrote it; Docker still reads it. */
export const configMediaTypes: ReadonlySet<string> = new Set([mediaTypes.ociConfig, mediaTypes.dockerConfig, 'application/octet-stream']);
export const layerMediaTypes: ReadonlySet<string> = new Set([
  mediaTypes.ociLayer,
  mediaTypes.ociLayerGzip,
  mediaTypes.ociLayerZstd,
  mediaTypes.dockerLayerGzip,
  'application/vnd.docker.image.rootfs.diff.tar',
  'application/vnd.docker.image.rootfs.diff.tar.zstd',
]);
