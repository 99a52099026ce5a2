/**
 * Digests of a context's files, remembered between builds by what `lstat` says, with git's rule for files that are too
 * young to trust (gitformat-index "racy git"). A file is hashed once a build at most. Start at `FileDigests`.
 */
import { readFile } from 'node:fs/promises';
import type { ContentDigest } from '../base/digest.ts';
import { errnoCode } from '../base/errors.ts';
import type { PlacedEntry, TreeEntry } from './tree.ts';

/** Hashes regular files below a root; the digests come in the order of the paths. */
export type HashFiles = (root: string, paths: readonly string[]) => Promise<readonly ContentDigest[]>;

/** Writes a small file atomically. */
export type WriteFile = (path: string, text: string) => Promise<void>;

/** A file changed less than this before it was hashed may change again within the same time stamp. */
const racyWindowNs = 2_000_000_000n;
/** More files than this are not remembered: the list is read whole at the start of a build. */
const rememberedMax = 500_000;
const formatVersion = 'tsbuild-files/1';

interface Remembered {
  readonly stamp: string;
  readonly digest: ContentDigest;
}

/** Everything that changes when a file's content may have: ctime cannot be set back by an ordinary program. */
function stampOf(entry: TreeEntry): string {
  return [entry.device, entry.inode, entry.sizeBytes, entry.mtimeNs, entry.ctimeNs].join(' ');
}

export interface FileDigestsOptions {
  readonly root: string;
  /** Where digests are remembered. */
  readonly cacheFile: string;
  readonly hashFiles: HashFiles;
  readonly writeFile: WriteFile;
  /** Now, by the clock that stamps files, in nanoseconds. */
  readonly nowNs: () => bigint;
}

/** Digests of one context. */
export class FileDigests {
  readonly #options: FileDigestsOptions;
  readonly #known = new Map<string, ContentDigest>();
  /** Files that are being hashed for somebody: whoever wants them too waits for that. */
  readonly #pending = new Map<string, Promise<void>>();
  #remembered: Promise<Map<string, Remembered>> | null = null;
  #isChanged = false;
  #hashed = 0;

  constructor(options: FileDigestsOptions) {
    this.#options = options;
  }

  /** How many files were read so far: tests count it. */
  get hashedCount(): number {
    return this.#hashed;
  }

  /** The digest of every regular file among the entries, by path. */
  async digest(entries: readonly PlacedEntry[]): Promise<ReadonlyMap<string, ContentDigest>> {
    const files = entries.filter(({ entry }) => entry.type === 'file');
    const remembered = await this.#load();
    const waiting = new Set<Promise<void>>();
    const missing: PlacedEntry[] = [];
    for (const file of files) {
      if (this.#known.has(file.path)) continue;
      const pending = this.#pending.get(file.path);
      const earlier = remembered.get(file.path);
      if (pending !== undefined) waiting.add(pending);
      else if (earlier !== undefined && earlier.stamp === stampOf(file.entry)) this.#known.set(file.path, earlier.digest);
      else missing.push(file);
    }
    if (missing.length > 0) waiting.add(this.#startHashing(missing, remembered));
    await Promise.all(waiting);
    return this.#known;
  }

  /** Keeps what was learnt for the next build. */
  async save(): Promise<void> {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    const remembered = [...(await this.#load())].slice(0, rememberedMax);
    const lines = remembered.map(([path, { stamp, digest }]) => JSON.stringify([path, stamp, digest]));
    await this.#options.writeFile(this.#options.cacheFile, [formatVersion, ...lines].join('\n'));
  }

  #startHashing(files: readonly PlacedEntry[], remembered: Map<string, Remembered>): Promise<void> {
    const hashing = this.#hash(files, remembered).finally(() => files.forEach(({ path }) => this.#pending.delete(path)));
    for (const { path } of files) this.#pending.set(path, hashing);
    return hashing;
  }

  async #hash(files: readonly PlacedEntry[], remembered: Map<string, Remembered>): Promise<void> {
    const startNs = this.#options.nowNs();
    const digests = await this.#options.hashFiles(this.#options.root, files.map(({ path }) => path));
    this.#hashed += files.length;
    files.forEach(({ path, entry }, index) => {
      const digest = digests[index];
      if (digest === undefined) return;
      this.#known.set(path, digest);
      const youngest = entry.mtimeNs > entry.ctimeNs ? entry.mtimeNs : entry.ctimeNs;
      if (youngest > startNs - racyWindowNs) remembered.delete(path);
      else remembered.set(path, { stamp: stampOf(entry), digest });
      this.#isChanged = true;
    });
  }

  #load(): Promise<Map<string, Remembered>> {
    this.#remembered ??= this.#read();
    return this.#remembered;
  }

  /** A file that is missing or not ours costs hashing, nothing else. */
  async #read(): Promise<Map<string, Remembered>> {
    const remembered = new Map<string, Remembered>();
    let text: string;
    try {
      text = await readFile(this.#options.cacheFile, 'utf8');
    } catch (error) {
      if (errnoCode(error) === 'ENOENT') return remembered;
      throw error;
    }
    const [version, ...lines] = text.split('\n');
    if (version !== formatVersion) return remembered;
    for (const line of lines) addRemembered(remembered, line);
    return remembered;
  }
}

function addRemembered(remembered: Map<string, Remembered>, line: string): void {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return;
    throw error;
  }
  if (!Array.isArray(value)) return;
  const [path, stamp, digest] = value as readonly unknown[];
  if (typeof path !== 'string' || typeof stamp !== 'string' || typeof digest !== 'string') return;
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) return;
  remembered.set(path, { stamp, digest: digest as ContentDigest });
}
