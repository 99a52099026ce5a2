/**
 * RUN --mount=type=cache: directories in the store that outlive the build. They are shared between builds under kernel
 * locks, and no result depends on what is in them but through the steps themselves (SEMANTICS A6, 82).
 *
 * A cache has a folder with one directory in it, so that it appears at once with its owner, its mode and what it starts
 * with; the lock is a file beside the folder. One that is `private` and in use has further folders: `NAME.1`, `NAME.2`.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeKey } from '../base/canonical.ts';
import { chainIDOf, hexOf, type DiffID } from '../base/digest.ts';
import { errnoCode, TsbuildError } from '../base/errors.ts';
import { releasing, undo } from '../base/releasing.ts';
import { exportTree, extractArchive, giveAway, removeTree } from '../layer/layer.ts';
import { acquireLock, tryLock, type Lock } from '../native/lock.ts';
import { treeView } from '../native/view.ts';
import { markUsed } from '../store/last-use.ts';
import { layersOfSource, noMount, type MountOf, type MountWork, type PreparedMount } from './mount-work.ts';
import { makeFolder } from '../store/durable.ts';

type CacheMount = MountOf<'cache'>;

/** Folders that a step has locked already: it shares them with itself. */
export type HeldCaches = Set<string>;

/** A cache as the store knows it. */
export interface NamedCache {
  readonly name: string;
  /** What a new one starts with. */
  readonly base: readonly DiffID[];
}

/** Copies of one private cache, in all builds at once. */
const copiesMax = 1024;

/**
 * Two mounts mean the same cache where namespace, id, what it starts with and, as with BuildKit, what was said about the
 * owner of a new one are the same. The digest keeps ids such as `../../x` from being paths (CVE-2024-9675).
 */
export async function nameCache(work: MountWork, mount: CacheMount): Promise<NamedCache> {
  const { namespace, id, from, source, initial } = mount;
  const base = from === null ? [] : await layersOfSource(work, from, '/');
  const { digest } = makeKey('cache-mount/1', [
    { name: 'namespace', value: namespace },
    { name: 'id', value: id },
    { name: 'base', value: chainIDOf(base) },
    { name: 'initial', value: source === '/' && initial !== null ? { ...initial } : null },
  ]);
  return { name: hexOf(digest), base };
}

/** Locks the cache until the step's end and makes it if it is not there. */
export async function cacheMount(work: MountWork, mount: CacheMount, { name, base }: NamedCache, held: HeldCaches): Promise<PreparedMount> {
  const folder = await lockFolder(work, mount, name, held);
  markUsed(`${folder}.lock`);
  if (!existsSync(folder)) await makeCache(work, mount, folder, base);
  const { target, source, readOnly } = mount;
  return { ...noMount, mounts: [{ kind: 'path', path: join(folder, 'data'), ...(source === '/' ? {} : { source }), target, readOnly }] };
}

async function lockFolder(work: MountWork, mount: CacheMount, name: string, held: HeldCaches): Promise<string> {
  for (let copy = 0; copy < copiesMax; copy++) {
    const folder = join(work.environment.store.paths.mounts, copy === 0 ? name : `${name}.${copy}`);
    if (held.has(folder)) return folder;
    const lock = await lockCache(work, mount, `${folder}.lock`);
    if (lock === null) continue;
    work.releases.push(() => lock.release());
    held.add(folder);
    return folder;
  }
  throw new TsbuildError('machine', 'CACHES_BUSY', `cache mount ${mount.id}: ${copiesMax} copies of it are in use`, {
    hint: 'Use sharing=shared or sharing=locked.',
  });
}

/** `shared`: any number at once; `locked`: one after the other; `private`: one, and null if it is taken. */
async function lockCache({ signal, note, environment }: MountWork, { id, sharing }: CacheMount, path: string): Promise<Lock | null> {
  // Without mounts a cache is moved into the step's tree: it can be in one at a time.
  const shared = sharing === 'shared' && (await environment.machinery()).helper.isolation === 'namespaces';
  const lock = await tryLock(path, shared);
  if (lock !== null || sharing === 'private') return lock;
  note(`waiting for the cache ${id}, which another step uses`);
  return acquireLock(path, { shared, signal });
}

/** Another step that shares the lock may be faster: then its cache counts. */
async function makeCache(work: MountWork, mount: CacheMount, folder: string, base: readonly DiffID[]): Promise<void> {
  const { store, machinery } = work.environment;
  const made = join(store.paths.tmp, `cache-${randomBytes(8).toString('hex')}`);
  const discard = async (): Promise<void> => removeTree((await machinery()).helper, made);
  try {
    await fillCache(work, mount, made, base);
    if (await isRenamed(made, folder)) return;
  } catch (error) {
    throw await undo(error, discard);
  }
  await discard();
}

/** False where something of this name is there already. */
async function isRenamed(made: string, folder: string): Promise<boolean> {
  try {
    await rename(made, folder);
    return true;
  } catch (error) {
    if (errnoCode(error) === 'ENOTEMPTY' || errnoCode(error) === 'EEXIST') return false;
    throw error;
  }
}

async function fillCache(work: MountWork, { source, initial }: CacheMount, made: string, base: readonly DiffID[]): Promise<void> {
  const data = join(made, 'data');
  makeFolder(data);
  await chmod(data, 0o755);
  if (base.length > 0) await seed(work, base, made);
  if (source !== '/' || initial === null) return;
  await giveAway((await work.environment.machinery()).helper, data, initial);
}

/** Copies the merged tree of the layers: one cache may be mounted by several builds, which an overlay would not bear. */
async function seed({ environment, signal, note }: MountWork, base: readonly DiffID[], made: string): Promise<void> {
  const { helper, snapshots } = await environment.machinery();
  const path = join(made, 'seed.tar');
  await withFile(path, 'wx', async (fd) => {
    const { warnings } = await exportTree(helper, { view: await snapshots.view(base, signal) }, fd, signal);
    warnings.forEach(note);
  });
  await withFile(path, 'r', (tarFd) =>
    extractArchive(helper, { view: treeView(join(made, 'data')), destination: '/', tarFd }, signal),
  );
  await rm(path);
}

async function withFile(path: string, flags: string, use: (fd: number) => Promise<unknown>): Promise<void> {
  const file = await open(path, flags, 0o600);
  await releasing(() => use(file.fd), () => file.close());
}
