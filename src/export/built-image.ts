/** An image as the builder hands it over: config and layers, not yet a manifest. */
import type { DiffID } from '../base/digest.ts';
import type { Descriptor, ImageConfig, Platform } from '../image/config.ts';

export interface BuiltImage {
  readonly config: ImageConfig;
  /** The config as its digest was made of; stored and exported byte for byte. */
  readonly configBytes: Uint8Array;
  /** Lowest first; each is an uncompressed tar in the store. */
  readonly layers: readonly DiffID[];
  readonly platform: Platform;
  /**
   * The base image's layers as its own manifest describes them, lowest first: they stand for the first of `layers` and
   * pass through. Without this a base layer's compressed form depends on what else was pulled into the store.
   */
  readonly baseLayers?: readonly Descriptor[];
}
