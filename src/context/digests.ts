/**
 * Digests and extended attributes of a context's files and directories, remembered between builds by what `lstat` says,
 * with git's rule for files that are too young to trust (gitformat-index "racy git"): both change a file's ctime. A file
 * is read once a build at most, an unchanged one not at all. Start at `FileDigests`.
 */
import { readFile } from 'node:fs/promises';
import type { ContentDigest } from '../base/digest.ts';
import { errnoCode } from '../base/errors.ts';
import { decodePath, encodePath } from '../base/path-bytes.ts';
import type { FileContent, Xattrs } from '../native/directory.ts';
import type { PlacedEntry, TreeEntry } from './tree.ts';

export type { FileContent, Xattrs } from '../native/directory.ts';

/** Reads regular files and directories below a root; what they hold comes in the order of the paths. */
export type ReadContents = (root: string, paths: readonly string[]) => Promise<readonly FileContent[]>;

/** Writes a small file atomically. */
export type WriteFile = (path: string, text: string) => Promise<void>;

/** A file changed less than this before it was hashed may change again within the same time stamp. */
const racyWindowNs = 2_000_000_000n;
/** More files than this are not remembered: the list is read whole at the start of a build. */
const rememberedMax = 500_000;
const formatVersion = 'tsbuild-files/2';

interface Remembered {
  readonly stamp: string;
  readonly content: FileContent;
}

/** Everything that changes when a file's content may have: ctime cannot be set back by an ordinary program. */
function stampOf(entry: TreeEntry): string {
  return [entry.device, entry.inode, entry.sizeBytes, entry.mtimeNs, entry.ctimeNs].join(' ');
}

export interface FileDigestsOptions {
  readonly root: string;
  /** Where digests are remembered; null where they are not. */
  readonly cacheFile: string | null;
  readonly readContents: ReadContents;
  readonly writeFile: WriteFile;
  /** Now, by the clock that stamps files, in nanoseconds. */
  readonly nowNs: () => bigint;
}

/** Digests of one context. */
export class FileDigests {
  readonly #options: FileDigestsOptions;
  readonly #known = new Map<string, FileContent>();
  /** Files that are being read for somebody: whoever wants them too waits for that. */
  readonly #pending = new Map<string, Promise<void>>();
  #remembered: Promise<Map<string, Remembered>> | null = null;
  #isChanged = false;
  #hashed = 0;

  constructor(options: FileDigestsOptions) {
    this.#options = options;
  }

  /** How many files and directories were read so far: tests count it. */
  get hashedCount(): number {
    return this.#hashed;
  }

  /** What every regular file and directory among the entries holds, by path. */
  async digest(entries: readonly PlacedEntry[]): Promise<ReadonlyMap<string, FileContent>> {
    const files = entries.filter(({ entry }) => entry.type === 'file' || entry.type === 'directory');
    const remembered = await this.#load();
    const waiting = new Set<Promise<void>>();
    const missing: PlacedEntry[] = [];
    for (const file of files) {
      if (this.#known.has(file.path)) continue;
      const pending = this.#pending.get(file.path);
      const earlier = remembered.get(file.path);
      if (pending !== undefined) waiting.add(pending);
      else if (earlier !== undefined && earlier.stamp === stampOf(file.entry)) this.#known.set(file.path, earlier.content);
      else missing.push(file);
    }
    if (missing.length > 0) waiting.add(this.#startReading(missing, remembered));
    await Promise.all(waiting);
    return this.#known;
  }

  /** Keeps what was learnt for the next build. */
  async save(): Promise<void> {
    const { cacheFile } = this.#options;
    if (!this.#isChanged || cacheFile === null) return;
    this.#isChanged = false;
    const remembered = [...(await this.#load())].slice(0, rememberedMax);
    const lines = remembered.map(([path, { stamp, content }]) => JSON.stringify([path, stamp, ...encodeContent(content)]));
    await this.#options.writeFile(cacheFile, [formatVersion, ...lines].join('\n'));
  }

  #startReading(files: readonly PlacedEntry[], remembered: Map<string, Remembered>): Promise<void> {
    const reading = this.#readFiles(files, remembered).finally(() => files.forEach(({ path }) => this.#pending.delete(path)));
    for (const { path } of files) this.#pending.set(path, reading);
    return reading;
  }

  async #readFiles(files: readonly PlacedEntry[], remembered: Map<string, Remembered>): Promise<void> {
    const startNs = this.#options.nowNs();
    const contents = await this.#options.readContents(this.#options.root, files.map(({ path }) => path));
    this.#hashed += files.length;
    files.forEach(({ path, entry }, index) => {
      const content = contents[index];
      if (content === undefined) return;
      this.#known.set(path, content);
      const youngest = entry.mtimeNs > entry.ctimeNs ? entry.mtimeNs : entry.ctimeNs;
      if (youngest > startNs - racyWindowNs) remembered.delete(path);
      else remembered.set(path, { stamp: stampOf(entry), content });
      this.#isChanged = true;
    });
  }

  #load(): Promise<Map<string, Remembered>> {
    this.#remembered ??= this.#read();
    return this.#remembered;
  }

  /** A file that is missing or not ours costs reading, nothing else. */
  async #read(): Promise<Map<string, Remembered>> {
    const remembered = new Map<string, Remembered>();
    const { cacheFile } = this.#options;
    if (cacheFile === null) return remembered;
    let text: string;
    try {
      text = await readFile(cacheFile, 'utf8');
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
  const [path, stamp, ...rest] = value as readonly unknown[];
  const content = decodeContent(rest);
  if (typeof path === 'string' && typeof stamp === 'string' && content !== null) remembered.set(path, { stamp, content });
}

/** The digest, and where there are attributes, pairs of name and value, both in base64 because they need not be text. */
function encodeContent({ digest, xattrs }: FileContent): readonly (string | null | readonly (readonly [string, string])[])[] {
  const pairs = xattrs.map(([name, value]) => [encodePath(name).toString('base64'), Buffer.from(value).toString('base64')] as const);
  return pairs.length === 0 ? [digest] : [digest, pairs];
}

/** Null for what `encodeContent` did not write. */
function decodeContent([digest, pairs = []]: readonly unknown[]): FileContent | null {
  if (digest !== null && (typeof digest !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(digest))) return null;
  if (!Array.isArray(pairs) || !pairs.every(isPair)) return null;
  const xattrs: Xattrs = pairs.map(([name, value]) => [decodePath(Buffer.from(name, 'base64')), Buffer.from(value, 'base64')] as const);
  return { digest: digest as ContentDigest | null, xattrs }; // the pattern above
}

function isPair(value: unknown): value is readonly [string, string] {
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string');
}
