/** What an `-o` asks for, once it is read: plain data, one type for each kind of output. `parse-output.ts` reads it. */
/** How layers are compressed where the output lets one choose. */
export interface LayerCompression {
  readonly type: 'gzip' | 'zstd' | 'uncompressed';
  /** Null: the default of tsbuild for this type. */
  readonly level: number | null;
  /** Whether layers of base images are compressed anew as well, instead of passing through. */
  readonly force: boolean;
}

/** The documents that can bear annotations, in buildx's words. */
export const annotationLevels = ['manifest', 'index', 'manifest-descriptor', 'index-descriptor'] as const;
export type AnnotationLevel = (typeof annotationLevels)[number];

/** An annotation of an output; `platform` limits it to one image of several. */
export interface OutputAnnotation {
  readonly level: AnnotationLevel;
  readonly platform: string | null;
  readonly key: string;
  readonly value: string;
}

/** What all outputs that hold an image have. */
export interface ImageOutputOptions {
  /** Full names; the names of `-t` win over these. */
  readonly names: readonly string[];
  readonly compression: LayerCompression;
  readonly annotations: readonly OutputAnnotation[];
}

/** An OCI layout or a Docker archive: in a tar, or with `tar=false` as a folder. `dest` is a path or `-`. */
export interface ArchiveOutput extends ImageOutputOptions {
  readonly type: 'oci' | 'docker';
  readonly dest: string;
  readonly tar: boolean;
}
/** Hand the image to a Docker or Podman that is there: `type=docker` without a destination. */
export interface LoadOutput extends ImageOutputOptions {
  readonly type: 'load';
}
/** The store, and with `push` the registries of the names. */
export interface ImageOutput extends ImageOutputOptions {
  readonly type: 'image';
  readonly push: boolean;
  readonly pushByDigest: boolean;
  readonly insecure: boolean;
}
/** The root file system as files in a folder. */
export interface LocalOutput {
  readonly type: 'local';
  readonly dest: string;
  /** Whether each platform has a folder of its own; null: where there is an index. */
  readonly platformSplit: boolean | null;
}
/** The root file system as a tar; `dest` is a path or `-`. */
export interface TarOutput {
  readonly type: 'tar';
  readonly dest: string;
}
/** Build, and keep nothing but the cache. */
export interface CacheOnlyOutput {
  readonly type: 'cacheonly';
}

export type OutputSpec = ArchiveOutput | LoadOutput | ImageOutput | LocalOutput | TarOutput | CacheOnlyOutput;

/** The file that an output writes to standard output stands under this name. */
export const stdoutDest = '-';
