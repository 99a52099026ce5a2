/** From a copy plan to a layer in the store: the native copy reads the sources and writes the canonical tar. */
import type { DiffID } from '../base/digest.ts';
import { blobOfDiffID } from '../base/digest.ts';
import { encodePath } from '../base/path-bytes.ts';
import type { TreeEntry } from '../context/tree.ts';
import { writeCopyLayer, type CopySource, type CopyItem as NativeItem, type WrittenLayer } from '../layer/layer.ts';
import type { ViewSpec } from '../native/view.ts';
import type { CopyEntry, CopyItem, CopyOrigin, Owner } from './copy-plan.ts';
import type { BuildEnvironment } from './environment.ts';

export interface WriteCopy {
  /** The layers below. */
  readonly base: readonly DiffID[];
  readonly items: readonly CopyItem[];
  readonly destination: string;
  readonly link: boolean;
  /** Directories made on the way; without an owner they are 0:0, or inherit as in a setgid directory. */
  readonly parents: { readonly mode: number; readonly owner: Owner | null };
  readonly onWarning: (line: string) => void;
}

/** Bits of `st_mode` that tell the type (inode(7)). */
const typeBits: Readonly<Record<TreeEntry['type'], number>> = {
  fifo: 0o010000,
  character: 0o020000,
  directory: 0o040000,
  block: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
};

/** Writes the layer into the store; an item without entries makes its destination directory. */
export async function writeCopy(environment: BuildEnvironment, request: WriteCopy, signal: AbortSignal): Promise<DiffID> {
  const { snapshots } = await environment.machinery();
  await environment.baseLayers.ensure(request.base, signal);
  const destination: ViewSpec = request.link ? { lowers: [] } : await snapshots.view(request.base, signal);
  const { digest } = await environment.store.blobs.ingest(async (fd) => {
    const written = await writeCopyOver(environment, request, destination, fd, signal);
    return { digest: blobOfDiffID(written.diffID), sizeBytes: written.sizeBytes };
  });
  return digest as string as DiffID; // the blob is the layer's own tar
}

/** Writes the layer's tar over what the view shows. */
export async function writeCopyOver(environment: BuildEnvironment, request: WriteCopy, destination: ViewSpec, fd: number, signal: AbortSignal): Promise<WrittenLayer> {
  const { helper } = await environment.machinery();
  const { sources, indexOf } = await collectSources(environment, request.items, signal);
  const { mode, owner } = request.parents;
  const options = {
    destination,
    times: environment.times,
    link: request.link,
    parents: { mode, owner, mtimeSeconds: environment.times.kind === 'clamp' ? environment.times.seconds : 0 },
    sources,
    items: nativeItems(request, indexOf),
  };
  const written = await writeCopyLayer(helper, options, fd, signal);
  written.warnings.forEach(request.onWarning);
  return written;
}

async function collectSources(
  environment: BuildEnvironment,
  items: readonly CopyItem[],
  signal: AbortSignal,
): Promise<{ readonly sources: readonly CopySource[]; readonly indexOf: (origin: CopyOrigin) => number }> {
  const origins = new Map<string, CopyOrigin>();
  for (const { origin } of items) origins.set(originKey(origin), origin);
  const sources = await Promise.all([...origins.values()].map((origin) => nativeSource(environment, origin, signal)));
  const keys = [...origins.keys()];
  return { sources, indexOf: (origin) => keys.indexOf(originKey(origin)) };
}

function originKey(origin: CopyOrigin): string {
  return JSON.stringify(origin.kind === 'directory' ? ['directory', origin.path] : ['layers', ...origin.layers]);
}

async function nativeSource(environment: BuildEnvironment, origin: CopyOrigin, signal: AbortSignal): Promise<CopySource> {
  if (origin.kind === 'directory') return origin;
  const { snapshots } = await environment.machinery();
  await environment.baseLayers.ensure(origin.layers, signal);
  return { kind: 'view', view: await snapshots.view(origin.layers, signal) };
}

/** The copy knows link groups by numbers of the whole COPY; those of an item count from 1. */
function nativeItems({ items, destination }: WriteCopy, indexOf: (origin: CopyOrigin) => number): readonly NativeItem[] {
  let groups = 0;
  return items.map((item) => {
    const native = nativeItem(item, destination, indexOf(item.origin), groups);
    groups += item.entries.reduce((most, { linkGroup }) => Math.max(most, linkGroup), 0);
    return native;
  });
}

function nativeItem(item: CopyItem, destination: string, source: number, groupOffset: number): NativeItem {
  return {
    destination: encodePath(destination),
    destinationIsDirectory: destination.endsWith('/'),
    kind: item.isSingle ? 'single' : 'contents',
    baseName: encodePath(item.name),
    source,
    ...(item.mtimeNs === null ? {} : { mtimeNs: item.mtimeNs }),
    entries: item.entries.map((entry) => nativeEntry(entry, groupOffset)),
  };
}

function nativeEntry(entry: CopyEntry, groupOffset: number): NativeItem['entries'][number] {
  const { source, owner } = entry;
  return {
    sourcePath: encodePath(entry.sourcePath),
    path: encodePath(entry.path),
    mode: typeBits[entry.type] | entry.mode,
    uid: owner.uid,
    gid: owner.gid,
    sizeBytes: source.sizeBytes,
    mtimeNs: source.mtimeNs,
    ctimeNs: source.ctimeNs,
    ino: source.inode,
    rdev: source.rdev,
    linkTarget: encodePath(source.linkTarget),
    linkGroup: entry.linkGroup === 0 ? 0 : entry.linkGroup + groupOffset,
    xattrs: entry.xattrs,
    ...(entry.isImplied ? { impliedMode: source.mode } : {}),
  };
}
