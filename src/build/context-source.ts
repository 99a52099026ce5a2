/** A build context during a build: its tree, its file digests, opened when the first step asks for it. */
import type { ContentDigest } from '../base/digest.ts';
import { FileDigests, type FileDigestsOptions } from '../context/digests.ts';
import { openContextTree, type ContextTree, type DirectoryReader, type PlacedEntry } from '../context/tree.ts';
import type { Ignore } from '../context/ignore.ts';

export interface ContextOptions extends Omit<FileDigestsOptions, 'root'> {
  readonly root: string;
  readonly ignore: Ignore;
  readonly readDirectory: DirectoryReader;
}

export class ContextSource {
  readonly tree: ContextTree;
  readonly #digests: FileDigests;

  constructor(options: ContextOptions) {
    this.tree = openContextTree(options.root, options.ignore, options.readDirectory);
    this.#digests = new FileDigests(options);
  }

  digest(entries: readonly PlacedEntry[]): Promise<ReadonlyMap<string, ContentDigest>> {
    return this.#digests.digest(entries);
  }

  async close(): Promise<void> {
    await this.#digests.save();
  }
}
