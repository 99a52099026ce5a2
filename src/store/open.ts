/**
 * Opens a store on disk: makes its folders, claims this process's temporary one, and removes what dead processes left.
 * It does not decide what is worth keeping, and it does not know what blobs mean.
 * Start at `openStore`; blobs are in `blobs.ts`, names in `tags.ts`, the temporary folder in `temporary.ts`.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { link, rm } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { canonicalJson } from '../base/canonical.ts';
import { errnoCode, TsbuildError } from '../base/errors.ts';
import { releaseAll, undo } from '../base/releasing.ts';
import { openBlobs } from './blobs.ts';
import { diskError } from './disk-error.ts';
import { makeFolder, syncDirectory, writeNew } from './durable.ts';
import { emptyLayoutIndex, encodeLayoutIndex } from './layout-index.ts';
import { openLeases } from './leases.ts';
import type { OpenGate, TakeLock } from './lock.ts';
import type { Store, StorePaths } from './store.ts';
import { openTags, type StoreNotice } from './tags.ts';
import { claimTemporary, removeLeftovers, type TemporaryOptions } from './temporary.ts';

export interface StoreOptions {
  /** Absolute. It is made if it is not there. */
  readonly root: string;
  readonly processId: number;
  /** Kernel locks, by `native/`. */
  readonly lock: TakeLock;
  readonly openGate: OpenGate;
  /** Hears what was repaired or could not be cleaned. Default: nobody. */
  readonly report?: (notice: StoreNotice) => void;
  /** Removes a tree of temporary files. Default: as this user; rootless builds bring one that may remove all. */
  readonly removeTree?: (path: string) => Promise<void>;
}

/**
 * Opens the store; `close` it in the same function. Leftovers are removed while the caller goes on.
 * @throws TsbuildError of class machine: `STORE_READ_ONLY`, `STORE_DENIED`, `DISK_FULL`, `STORE_IO`
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  try {
    return await openFolders(options);
  } catch (error) {
    throw diskError(error, { operation: 'open store', path: options.root, owner: 'store' });
  }
}

async function openFolders(options: StoreOptions): Promise<Store> {
  const { root, lock, report = () => undefined } = options;
  const folders = pathsOf(root);
  const blobFolder = join(root, blobsBelowRoot);
  for (const folder of [...Object.values<string>({ ...folders }), blobFolder]) makeFolder(folder);
  const temporary = temporaryOptions(options, folders.tmp);
  const claim = await claimTemporary(temporary);
  const paths: StorePaths = { ...folders, tmp: claim.path };
  try {
    if (isIndexLost(root)) report({ code: 'STORE_INDEX_LOST', text: `the list of image names ${join(paths.oci, 'index.json')} was gone: a new one was made, and the names have to be given again` });
    await makeLayout(paths);
  } catch (error) {
    throw await undo(error, () => claim.release());
  }
  const cleaning = removeLeftovers(temporary).then((texts) => texts.forEach((text) => report({ code: 'STORE_LEFTOVER', text })));
  const gate = options.openGate(join(root, 'gate.lock'));
  const leases = openLeases(paths.tmp, gate);
  const lease = (path: string): void => { leases.hold(path); };
  return {
    paths,
    gate,
    lease,
    remember: (remnants) => { leases.remember(remnants); },
    cleaned: cleaning,
    blobs: openBlobs({ blobs: blobFolder, tmp: paths.tmp, lease: (name) => { lease(join(blobsBelowRoot, name)); } }),
    tags: openTags({ index: join(paths.oci, 'index.json'), lockFile: join(root, 'index.lock'), tmp: paths.tmp, lock, report }),
    close: () => releaseAll([() => cleaning, closing(() => { leases.close(); }), closing(() => { gate.release(); }), () => claim.release()]),
  };
}

/** Where blobs are, below the root. */
export const blobsBelowRoot = join('oci', 'blobs', 'sha256');

function closing(close: () => void): () => Promise<void> {
  return () => Promise.resolve(close());
}

function pathsOf(root: string): StorePaths {
  const folder = (...names: readonly string[]): string => join(root, ...names);
  return {
    root,
    oci: folder('oci'),
    snapshots: folder('snapshots', 'v1'),
    cache: folder('cache', 'v1'),
    mounts: folder('mounts', 'v1'),
    files: folder('files', 'v1'),
    logs: folder('logs'),
    tmp: folder('tmp'),
  };
}

function temporaryOptions(options: StoreOptions, parent: string): TemporaryOptions {
  return {
    parent,
    processId: options.processId,
    lock: options.lock,
    removeTree: options.removeTree ?? ((path) => rm(path, { recursive: true, force: true })),
  };
}

/** A store with blobs had an index. */
function isIndexLost(root: string): boolean {
  return !existsSync(join(root, 'oci', 'index.json')) && readdirSync(join(root, blobsBelowRoot)).length > 0;
}

/** The two files that make a folder an OCI image layout (image-layout.md). */
async function makeLayout(paths: StorePaths): Promise<void> {
  await makeFile(paths, 'oci-layout', canonicalJson({ imageLayoutVersion: '1.0.0' }));
  await makeFile(paths, 'index.json', encodeLayoutIndex(emptyLayoutIndex));
}

/** By link(2), which never replaces: another process may be opening the same new store and be ahead of us. */
async function makeFile(paths: StorePaths, name: string, text: string): Promise<void> {
  const path = join(paths.oci, name);
  if (existsSync(path)) return;
  const temporary = join(paths.tmp, `${name}-${randomBytes(4).toString('hex')}`);
  await writeNew(temporary, text, { mode: 0o600, flush: true });
  try {
    await link(temporary, path);
  } catch (error) {
    if (errnoCode(error) !== 'EEXIST') throw error;
  }
  await rm(temporary);
  await syncDirectory(paths.oci);
}

/** The environment variables that say where the store is. */
export interface StoreEnvironment {
  readonly TSBUILD_ROOT?: string | undefined;
  readonly XDG_DATA_HOME?: string | undefined;
  readonly HOME?: string | undefined;
}

/**
 * Where the store is unless the user says otherwise (DESIGN.md, section 7). A relative `XDG_DATA_HOME` is ignored, as the
 * XDG Base Directory specification demands; a relative `TSBUILD_ROOT` starts at the working directory.
 * @throws TsbuildError `STORE_ROOT_UNKNOWN`
 */
export function defaultStoreRoot(environment: StoreEnvironment, uid: number): string {
  const { TSBUILD_ROOT: root, XDG_DATA_HOME: data, HOME: home } = environment;
  if (root !== undefined && root !== '') return resolve(root);
  if (uid === 0) return '/var/lib/tsbuild';
  if (data !== undefined && isAbsolute(data)) return join(data, 'tsbuild');
  if (home !== undefined && isAbsolute(home)) return join(home, '.local', 'share', 'tsbuild');
  throw new TsbuildError('machine', 'STORE_ROOT_UNKNOWN', 'find the store: neither TSBUILD_ROOT nor HOME is set', {
    hint: 'Set TSBUILD_ROOT to a folder that tsbuild may use.',
  });
}
