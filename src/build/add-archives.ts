/**
 * ADD of archives: told by their content, unpacked into a writable snapshot, committed as one layer
 * (SEMANTICS A6, 72 and 74).
 */
import { constants, createReadStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DiffID } from '../base/digest.ts';
import { TsbuildError } from '../base/errors.ts';
import { encodePath } from '../base/path-bytes.ts';
import type { ActiveSnapshot } from '../snapshot/snapshot.ts';
import type { CopyItem, Owner } from './copy-plan.ts';
import type { BuildEnvironment } from './environment.ts';
import { blockBytes, isTarHeader } from './tar-header.ts';
import { unpackArchive } from './unpack-archive.ts';
import { writeCopyOver, type WriteCopy } from './write-copy.ts';

/** Whether any of the items is an archive. */
export async function hasArchives(environment: BuildEnvironment, items: readonly CopyItem[], signal: AbortSignal): Promise<boolean> {
  for (const item of items) if (await isArchive(environment, item, signal)) return true;
  return false;
}

async function isArchive(environment: BuildEnvironment, item: CopyItem, signal: AbortSignal): Promise<boolean> {
  const file = archivePath(item);
  if (file === null) return false;
  signal.throwIfAborted();
  try {
    return isTarHeader(await firstBlock(readPlain(environment, file, item.name)));
  } catch (error) {
    // Broken compression: then it is a file like any other.
    if (error instanceof TsbuildError && error.code === 'DATA_CORRUPT') return false;
    throw error;
  }
}

/** The path on this machine of what is unpacked if it is an archive. */
function archivePath(item: CopyItem): string | null {
  const entry = item.entries[0];
  if (item.unpacks !== true || !item.isSingle || item.origin.kind !== 'directory' || entry?.type !== 'file') return null;
  return join(item.origin.path, entry.sourcePath);
}

async function* readPlain(environment: BuildEnvironment, path: string, name: string): AsyncIterable<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    yield* environment.decompress(file.createReadStream({ autoClose: false, highWaterMark: 256 * 1024 }), name);
  } finally {
    await file.close();
  }
}

async function firstBlock(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  let head = Buffer.alloc(0);
  for await (const chunk of stream) {
    head = Buffer.concat([head, chunk]);
    if (head.length >= blockBytes) break;
  }
  return head.subarray(0, blockBytes);
}

/** One layer from archives and files, in the order of the instruction. */
export async function addArchives(environment: BuildEnvironment, request: WriteCopy, owner: Owner | null, signal: AbortSignal): Promise<DiffID> {
  await environment.baseLayers.ensure(request.base, signal);
  const { helper, snapshots } = await environment.machinery();
  const active = await snapshots.prepare(request.base, signal);
  try {
    for (const item of request.items) {
      const file = (await isArchive(environment, item, signal)) ? archivePath(item) : null;
      if (file === null) await addFiles(environment, request, item, active, signal);
      else {
        const options = { view: await active.openView(), destination: encodePath(request.destination), what: `extract ${item.name}`, ...(owner === null ? {} : { owner }) };
        const warnings = await unpackArchive(helper, readPlain(environment, file, item.name), options, signal);
        warnings.forEach(request.onWarning);
      }
    }
  } catch (error) {
    await active.discard();
    throw error;
  }
  const { diffID } = await active.commit({ stubs: [], signal, onWarning: request.onWarning });
  return diffID;
}

/** What is no archive becomes a layer over what is there by now; that is no result, and goes when it was unpacked. */
async function addFiles(environment: BuildEnvironment, request: WriteCopy, item: CopyItem, active: ActiveSnapshot, signal: AbortSignal): Promise<void> {
  const folder = await mkdtemp(join(environment.store.paths.tmp, 'files-'));
  try {
    const path = join(folder, 'layer.tar');
    const file = await open(path, 'wx', 0o600);
    try {
      await writeCopyOver(environment, { ...request, items: [item] }, await active.openView(), file.fd, signal);
    } finally {
      await file.close();
    }
    const { helper } = await environment.machinery();
    const warnings = await unpackArchive(helper, createReadStream(path), { view: await active.openView(), destination: '/' }, signal);
    warnings.forEach(request.onWarning);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
