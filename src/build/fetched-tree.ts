/** Contexts that were brought here from elsewhere; their folders are temporary. */
import type { DirectoryReader } from '../context/tree.ts';

export interface FetchedTree {
  readonly root: string;
  readonly readDirectory: DirectoryReader;
  /** The commit's, Last-Modified, or the newest file's of an archive, in seconds since the epoch; null where nothing says. */
  readonly timeSeconds: number | null;
}

/** A main context. */
export interface FetchedContext extends FetchedTree {
  /** Null: it comes on standard input. */
  readonly dockerfile: { readonly path: string; readonly name: string } | null;
}
