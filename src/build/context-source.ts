/** A build context during a build: its tree, its file digests, opened when the first step asks for it. */
import { FileDigests, type FileContent, type FileDigestsOptions } from '../context/digests.ts';
import { openContextTree, type ContextTree, type DirectoryReader, type PlacedEntry } from '../context/tree.ts';
import type { Ignore } from '../context/ignore.ts';

/** Shows the reading of a context as a step: the first time it is read. */
export interface ContextObserver {
  started(): void;
  done(): void;
  failed(error: unknown): void;
}

export interface ContextOptions extends Omit<FileDigestsOptions, 'root'> {
  readonly observer: ContextObserver;
  readonly root: string;
  readonly ignore: Ignore;
  readonly readDirectory: DirectoryReader;
}

export class ContextSource {
  readonly tree: ContextTree;
  readonly #digests: FileDigests;
  readonly #observer: ContextObserver;
  #isShown = false;

  constructor(options: ContextOptions) {
    this.#observer = options.observer;
    this.tree = openContextTree(options.root, options.ignore, options.readDirectory);
    this.#digests = new FileDigests(options);
  }

  async digest(entries: readonly PlacedEntry[]): Promise<ReadonlyMap<string, FileContent>> {
    if (this.#isShown) return this.#digests.digest(entries);
    this.#isShown = true;
    this.#observer.started();
    try {
      const digests = await this.#digests.digest(entries);
      this.#observer.done();
      return digests;
    } catch (error) {
      this.#observer.failed(error);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#digests.save();
  }
}
