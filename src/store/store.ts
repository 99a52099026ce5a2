/**
 * The store's contract: content-addressed blobs, tags, and the folders beside them (DESIGN.md, section 7).
 * What is here is either whole and synced or not here at all. Start at `Store`; `open.ts` opens one on disk.
 */
import type { BlobDigest } from '../base/digest.ts';
import type { Descriptor } from '../base/descriptor.ts';
import type { Gate } from './lock.ts';
import type { Remnant } from './remnants.ts';

/** Folders of the store, absolute. All exist once the store is open. */
export interface StorePaths {
  readonly root: string;
  /** A valid OCI image layout. */
  readonly oci: string;
  readonly snapshots: string;
  readonly cache: string;
  readonly mounts: string;
  readonly files: string;
  readonly logs: string;
  /** Unfinished work of this process alone: removed on close; leftovers of dead processes are removed on open. */
  readonly tmp: string;
}

/** What an ingest callback found out about the bytes that it wrote. */
export interface Ingested {
  readonly digest: BlobDigest;
  readonly sizeBytes: number;
}

export interface BlobStore {
  /** Whether the blob is there, by one `stat`; its bytes are verified by whoever reads them. Returns its size or null. */
  stat(digest: BlobDigest): number | null;
  /**
   * Makes a blob: the callback writes into the open, empty temporary file (`fd`) and returns the digest that it computed
   * while writing. Then fsync, rename to its name, fsync of the directory. Writing what is there already is success.
   * If `expected` is given and differs: TsbuildError `BLOB_MISMATCH`, and nothing is kept.
   */
  ingest(write: (fd: number, path: string) => Promise<Ingested>, expected?: BlobDigest): Promise<Ingested>;
  /** Makes a small blob from memory. */
  put(bytes: Uint8Array | string): Promise<Ingested>;
  /** Reads a small blob whole and verified. Throws TsbuildError `BLOB_MISSING`, `BLOB_CORRUPT` or `BLOB_TOO_LARGE`. */
  read(digest: BlobDigest, sizeMax?: number): Promise<Buffer>;
  /**
   * Streams a blob; the stream fails with `BLOB_CORRUPT` before it ends if the bytes are wrong (the file is then moved
   * out of the way, so that the content is made or fetched again).
   */
  stream(digest: BlobDigest): AsyncIterable<Uint8Array>;
  /** An open descriptor for native readers that hash what they read (`layer/`). The caller closes it. */
  open(digest: BlobDigest): Promise<number>;
  /** Where the blob's file is, for readers that are given paths and have verified it. */
  path(digest: BlobDigest): string;
  /** Moves a blob whose bytes were found wrong out of the way. */
  quarantine(digest: BlobDigest): Promise<void>;
}

/** A name and the manifest or index it stands for. */
export interface Tag {
  /** Normalised reference, such as `docker.io/library/app:latest`. */
  readonly name: string;
  readonly descriptor: Descriptor;
  /** A build fetched it because an instruction names it; nobody gave it the name. Garbage collection may take it. */
  readonly pulled?: true;
}

export interface TagChanges {
  /** A pulled tag in the place of one that somebody gave is no pulled one. */
  readonly set?: readonly Tag[];
  readonly remove?: readonly string[];
  /** Removed only if they are pulled ones. */
  readonly removePulled?: readonly string[];
}

export interface TagStore {
  get(name: string): Promise<Tag | null>;
  /** Sorted by the bytes of the names. */
  list(): Promise<readonly Tag[]>;
  /** Atomic: sets and removes happen together or not at all, also between processes. */
  update(changes: TagChanges): Promise<void>;
}

export interface Store {
  readonly paths: StorePaths;
  readonly blobs: BlobStore;
  readonly tags: TagStore;
  /**
   * Says that this process relies on a file or folder, by its path below the root; to be called before looking whether it
   * is there. Nobody removes it then until this store is closed. Blobs are leased by asking for them.
   */
  lease(path: string): void;
  /**
   * Says what would stay outside of the store if this process were killed now; to be called before it is made. Whoever
   * opens the store after that removes it.
   */
  remember(remnants: readonly Remnant[]): void;
  /** What to decide and remove under, for who removes things: `gate.closed`, then `readLeases`. */
  readonly gate: Gate;
  /** Resolves when what dead processes left is gone. */
  readonly cleaned: Promise<void>;
  /** Removes this process's temporary folder and releases its locks. */
  close(): Promise<void>;
}
