/** Descriptors of OCI image-spec 1.1 (descriptor.md): the one thing of images that the store knows, too. */
import type { BlobDigest } from './digest.ts';

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly 'os.version'?: string;
}

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: BlobDigest;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
}
