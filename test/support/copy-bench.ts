/**
 * Builds of COPY and ADD in this process, with one store for a whole test file, and what they left: the entries of each
 * layer as they stand in its tar, and the merged tree. Start at `openCopyBench`.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { extract, type Header } from 'tar-stream';
import { build, TsbuildError, type BuildEvent, type BuildOptions } from '../../src/index.ts';
import { comparePaths } from '../../src/base/path-bytes.ts';
import { shell } from '../layer/support.ts';

/** One entry of a layer. */
export interface LayerEntry {
  readonly path: string;
  /** Type, mode in octal, owner, and what it holds: size and content of a file up to 40 bytes, else its SHA-256; targets of links; xattrs. */
  readonly text: string;
  readonly isWhiteout: boolean;
  /** Seconds. */
  readonly mtime: number;
}

export interface Built {
  /** `path text` for each entry, layer by layer, in the order of the tar. */
  readonly layers: readonly (readonly string[])[];
  /** The last layer. */
  readonly layer: readonly string[];
  /** Its digest. */
  readonly diffID: string;
  readonly diffIDs: readonly string[];
  readonly entries: readonly (readonly LayerEntry[])[];
  /** All layers one over the other, sorted by path. */
  readonly tree: readonly string[];
  /** Instructions that were carried out, not taken from the cache. */
  readonly performed: readonly string[];
  readonly notes: readonly string[];
  readonly imageID: string;
}

export interface CopyCase {
  /** A shell script that makes the context (test/layer/support.ts, `shell`); what earlier cases left is gone. */
  readonly context?: string;
  /** A shell script that makes `below.tar` in the context, with its owners, for `ADD below.tar /`. */
  readonly below?: string;
  readonly dockerfile: string;
  readonly options?: Partial<BuildOptions>;
}

export interface CopyBench {
  readonly folder: string;
  readonly storeRoot: string;
  build(test: CopyCase): Promise<Built>;
  /** The context of the last case changed by a script, and built again. */
  again(script: string, dockerfile?: string): Promise<Built>;
  /** Builds and must fail; returns the error. */
  refuse(test: CopyCase): Promise<TsbuildError>;
  close(): Promise<void>;
}

export async function openCopyBench(): Promise<CopyBench> {
  const folder = await mkdtemp(join(tmpdir(), 'tsbuild-copy-'));
  const storeRoot = join(folder, 'store');
  const context = join(folder, 'context');
  const file = join(folder, 'Dockerfile');
  let options: Partial<BuildOptions> = {};
  const run = async (dockerfile?: string): Promise<Built> => {
    if (dockerfile !== undefined) await writeFile(file, dockerfile);
    return await runBuild(storeRoot, { context, storeRoot, file, network: 'none', ...options });
  };
  const prepare = async (test: CopyCase): Promise<void> => {
    await rm(context, { recursive: true, force: true });
    await mkdir(context, { mode: 0o755 });
    shell(context, test.context ?? 'true');
    if (test.below !== undefined) await packBelow(folder, context, test.below);
    options = test.options ?? {};
  };
  return {
    folder,
    storeRoot,
    build: async (test) => {
      await prepare(test);
      return await run(test.dockerfile);
    },
    again: async (script, dockerfile) => {
      shell(context, script);
      return await run(dockerfile);
    },
    refuse: async (test) => {
      await prepare(test);
      try {
        await run(test.dockerfile);
      } catch (error) {
        assert.ok(error instanceof TsbuildError, String(error));
        return error;
      }
      return assert.fail(`the build does not fail:\n${test.dockerfile}`);
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

async function packBelow(folder: string, context: string, script: string): Promise<void> {
  const tree = join(folder, 'below');
  await rm(tree, { recursive: true, force: true });
  await mkdir(tree, { mode: 0o755 });
  shell(tree, script);
  shell(tree, `tar --create --file=${context}/below.tar --format=posix --xattrs --xattrs-include='*' --numeric-owner --sort=name .`);
}

async function runBuild(storeRoot: string, options: BuildOptions): Promise<Built> {
  const running = build(options);
  const events: BuildEvent[] = [];
  try {
    for await (const event of running) events.push(event);
  } catch (error) {
    await running.result.catch(() => undefined); // the same error
    throw error;
  }
  const { imageID } = await running.result;
  const diffIDs = await readDiffIDs(storeRoot, imageID);
  const entries = await Promise.all(diffIDs.map((diffID) => listLayer(blobPath(storeRoot, diffID))));
  const layers = entries.map((layer) => layer.map(({ path, text }) => `${path} ${text}`));
  return {
    layers, entries, diffIDs, layer: layers.at(-1) ?? [], diffID: diffIDs.at(-1) ?? '', tree: mergeLayers(entries),
    performed: performed(events), notes: events.flatMap((event) => (event.type === 'step-note' ? [event.text] : [])), imageID,
  };
}

function performed(events: readonly BuildEvent[]): readonly string[] {
  const names = new Map(events.flatMap((event) => (event.type === 'step-started' && event.step.position !== undefined ? [[event.step.id, event.step.instruction ?? '']] : [])));
  return events.flatMap((event) => (event.type === 'step-done' && !event.cached && names.has(event.id) ? [names.get(event.id) ?? ''] : [])).filter((name) => !name.startsWith('FROM'));
}

function blobPath(storeRoot: string, digest: string): string {
  return join(storeRoot, 'oci/blobs', digest.replace(':', '/'));
}

async function readDiffIDs(storeRoot: string, imageID: string): Promise<readonly string[]> {
  const config = JSON.parse(await readFile(blobPath(storeRoot, imageID), 'utf8')) as { readonly rootfs: { readonly diff_ids: readonly string[] } };
  return config.rootfs.diff_ids;
}

/** The entries of a layer's tar, in its order. */
async function listLayer(path: string): Promise<readonly LayerEntry[]> {
  const reader = createReadStream(path).pipe(extract());
  const entries: LayerEntry[] = [];
  for await (const entry of reader) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    const { header } = entry;
    const clean = header.name.replace(/\/$/, '');
    const isWhiteout = /(^|\/)\.wh\.[^/]*$/.test(clean);
    entries.push({ path: clean, text: describe(header, Buffer.concat(chunks)), isWhiteout, mtime: (header.mtime?.getTime() ?? 0) / 1000 });
  }
  return entries;
}

const letters: Readonly<Record<string, string>> = { file: 'f', directory: 'd', symlink: 'l', link: 'h', fifo: 'p', 'character-device': 'c', 'block-device': 'b' };

function describe(header: Header, content: Buffer): string {
  const short = content.length <= 40 && /^[\x20-\x7e\n]*$/.test(content.toString('latin1'));
  const data = short ? JSON.stringify(content.toString('latin1')) : `${String(content.length)}:${createHash('sha256').update(content).digest('hex').slice(0, 16)}`;
  const device = header.type === 'character-device' || header.type === 'block-device' ? [`${String(header.devmajor)},${String(header.devminor)}`] : [];
  const target = header.linkname === undefined || header.linkname === null || header.linkname === '' ? [] : [`-> ${header.linkname}`];
  const xattrs = Object.entries(header.pax ?? {}).flatMap(([key, value]) => (key.startsWith('SCHILY.xattr.') ? [`${key.slice(13)}=${Buffer.from(String(value)).toString('hex')}`] : []));
  const type = letters[header.type ?? 'file'] ?? '?';
  return [type, (header.mode ?? 0).toString(8), `${String(header.uid)}:${String(header.gid)}`, ...(type === 'f' ? [data] : []), ...device, ...target, ...xattrs].join(' ');
}

/** Layers one over the other (OCI image spec, layer.md, "Applying Changesets"). */
export function mergeLayers(layers: readonly (readonly LayerEntry[])[]): readonly string[] {
  const tree = new Map<string, string>();
  const remove = (path: string): void => [...tree.keys()].filter((name) => name === path || name.startsWith(`${path}/`)).forEach((name) => tree.delete(name));
  for (const layer of layers) {
    for (const { path } of layer.filter((entry) => entry.isWhiteout)) remove(path.replace(/\.wh\.([^/]*)$/, '$1'));
    for (const { path, text, isWhiteout } of layer) {
      if (isWhiteout) continue;
      if (!(text.startsWith('d') && tree.get(path)?.startsWith('d') === true)) remove(path);
      tree.set(path, text);
    }
  }
  return [...tree].sort(([a], [b]) => comparePaths(a, b)).map(([path, text]) => `${path} ${text}`);
}
