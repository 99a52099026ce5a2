/** An OCI layout as a folder. Into a layout that is there the image is added, as buildx does with `tar=false`. */
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { errnoCode, TsbuildError } from '../base/errors.ts';
import type { Descriptor } from '../image/config.ts';
import { decodeIndexEntries, encodeIndex, refNameAnnotation } from '../store/layout-index.ts';
import { fileOfBytes, type ArchiveFile } from './archive.ts';
import { writeFolder, type FolderOptions } from './output-folder.ts';
import { makeFolder } from '../store/durable.ts';

/** Writes the files; `index.json` is put in place last, so that the layout is never without a blob that it names. */
export async function writeLayoutFolder(path: string, files: readonly ArchiveFile[], { record, signal }: Pick<FolderOptions, 'record' | 'signal'>): Promise<void> {
  const fill = async (folder: string): Promise<void> => {
    for (const file of files) await writeFile(folder, file.name === 'index.json' ? await mergeIndex(path, file) : file, signal);
  };
  await writeFolder(path, fill, { record, signal, last: 'index.json' });
}

async function writeFile(folder: string, file: ArchiveFile, signal: AbortSignal): Promise<void> {
  const path = join(folder, ...file.name.split('/'));
  makeFolder(dirname(path), 0o777);
  try {
    await pipeline(file.content(), createWriteStream(path, { flags: 'wx', flush: true }), { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** The new `index.json` with the entries of the one that is there, except those whose name is now another image's. */
async function mergeIndex(path: string, file: ArchiveFile): Promise<ArchiveFile> {
  const present = await readFile(join(path, 'index.json'), 'utf8').catch((error: unknown) => {
    if (errnoCode(error) === 'ENOENT') return null;
    throw error;
  });
  if (present === null) return file;
  const chunks: Uint8Array[] = [];
  for await (const chunk of file.content()) chunks.push(chunk);
  const added = entriesOf(Buffer.concat(chunks).toString('utf8'), file.name);
  const names = new Set(added.map(nameOf));
  const kept = entriesOf(present, join(path, 'index.json')).filter((entry) => !names.has(nameOf(entry)));
  return fileOfBytes(file.name, Buffer.from(encodeIndex([...kept, ...added]), 'utf8'));
}

function entriesOf(text: string, path: string): readonly Descriptor[] {
  const entries = decodeIndexEntries(text);
  if (entries !== null) return entries;
  throw new TsbuildError('usage', 'OUTPUT_INVALID', `write output ${path}: what is there is no index of an OCI layout`, {
    hint: 'Name another folder, or remove the broken file.',
  });
}

/** Entries of one name replace each other; one without a name replaces itself only. */
function nameOf({ digest, annotations }: Descriptor): string {
  return annotations?.[refNameAnnotation] ?? digest;
}
