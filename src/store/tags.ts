/**
 * Names for images: the entries of the layout's `index.json`, changed by one process at a time and replaced at once.
 * A broken `index.json` is moved aside and reported: names are lost then, blobs are not.
 */
import { randomBytes } from 'node:crypto';
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoCode } from '../base/errors.ts';
import { diskError } from './disk-error.ts';
import { replaceFile } from './durable.ts';
import { changeTags, decodeLayoutIndex, emptyLayoutIndex, encodeLayoutIndex, type LayoutIndex } from './layout-index.ts';
import { withLock, type TakeLock } from './lock.ts';
import type { TagChanges, TagStore } from './store.ts';

/** Something that happened to the store and that a person should hear of. */
export interface StoreNotice {
  readonly code: 'STORE_INDEX_BROKEN' | 'STORE_INDEX_LOST' | 'STORE_LEFTOVER';
  readonly text: string;
}

export interface TagFiles {
  /** The layout's `index.json`. */
  readonly index: string;
  /** The file whose lock orders the writers, outside the layout. */
  readonly lockFile: string;
  readonly tmp: string;
  readonly lock: TakeLock;
  readonly report: (notice: StoreNotice) => void;
}

/** The tags of a layout. */
export function openTags(files: TagFiles): TagStore {
  return {
    get: async (name) => (await readIndex(files)).tags.find((tag) => tag.name === name) ?? null,
    list: async () => changeTags((await readIndex(files)).tags, {}),
    update: (changes) => withLock(files.lock, files.lockFile, () => updateTags(files, changes)),
  };
}

async function updateTags(files: TagFiles, changes: TagChanges): Promise<void> {
  const text = await readText(files);
  const index = decodeLayoutIndex(text) ?? (await moveAside(files));
  const changed = encodeLayoutIndex({ ...index, tags: changeTags(index.tags, changes) });
  if (changed === text) return;
  const temporary = join(files.tmp, `index-${randomBytes(8).toString('hex')}`);
  try {
    await replaceFile({ path: files.index, temporary, bytes: changed, mode: 0o600 });
  } catch (error) {
    throw diskError(error, { operation: 'write', path: files.index, owner: 'store' });
  }
}

/** Reading needs no lock: `index.json` is replaced at once. Only a broken one is looked at again under the lock. */
async function readIndex(files: TagFiles): Promise<LayoutIndex> {
  const index = decodeLayoutIndex(await readText(files));
  if (index !== null) return index;
  return withLock(files.lock, files.lockFile, async () => decodeLayoutIndex(await readText(files)) ?? moveAside(files));
}

async function readText(files: TagFiles): Promise<string> {
  try {
    return await readFile(files.index, 'utf8');
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return encodeLayoutIndex(emptyLayoutIndex);
    throw diskError(error, { operation: 'read', path: files.index, owner: 'store' });
  }
}

async function moveAside(files: TagFiles): Promise<LayoutIndex> {
  const aside = `${files.index}.broken-${randomBytes(4).toString('hex')}`;
  await rename(files.index, aside);
  const bytes = encodeLayoutIndex(emptyLayoutIndex);
  await replaceFile({ path: files.index, temporary: `${files.tmp}/index-${randomBytes(8).toString('hex')}`, bytes, mode: 0o600 });
  files.report({
    code: 'STORE_INDEX_BROKEN',
    text: `the list of image names ${files.index} was broken; it is now ${aside}, and the names in it have to be given again`,
  });
  return emptyLayoutIndex;
}
