/**
 * Takes images into the store from archives: an OCI layout as a directory or in a tar, a docker-archive (`docker save`),
 * either compressed or not. The archive is hostile. Nothing is unpacked: blobs go into the store by their digests.
 * Start at `loadArchive`; a tar's entries are read by `archive-entries.ts`, what they mean is in `docker-archive.ts` and
 * `import-layout.ts`.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import PQueue from 'p-queue';
import { errnoCode, messageOf, TsbuildError } from '../base/errors.ts';
import { decodeIndex } from '../image/decode.ts';
import type { Store, Tag } from '../store/store.ts';
import { readArchive, type ArchiveContent } from './archive-entries.ts';
import type { Decompress } from './decompress.ts';
import { importDockerArchive } from './docker-archive.ts';
import { createLayerFetcher } from './fetch-layers.ts';
import { importLayout, type ImportOptions } from './import-layout.ts';
import { layoutOrigin, readLayoutIndex } from './layout.ts';
import type { FetchIo } from './origin.ts';
import { storeOrigin } from './store-origin.ts';

/** What loading needs besides the archive. */
export interface LoadOptions {
  readonly decompress: Decompress;
  readonly io: FetchIo;
}

const layersAtOnceMax = 4;
const chunkBytes = 1024 * 1024;

/**
 * Loads all images of an archive and tags them.
 * @param input the path of a file or a directory, or the bytes of an archive
 * @returns the tags that were set; an image that the archive does not name is called `docker.io/library/loaded:<digest>`
 * @throws TsbuildError `ARCHIVE_INVALID`, `LAYOUT_INVALID` and what decoding throws, class registry; `ARCHIVE_UNREADABLE`
 */
export async function loadArchive(store: Store, input: string | AsyncIterable<Uint8Array>, options: LoadOptions): Promise<readonly Tag[]> {
  const fetcher = createLayerFetcher({ store, decompress: options.decompress, queue: new PQueue({ concurrency: layersAtOnceMax }) });
  const importing: ImportOptions = { store, fetcher, io: options.io };
  const tags = typeof input === 'string' && (await isDirectory(input)) ? await loadDirectory(input, importing) : await loadTar(input, importing, options);
  await store.tags.update({ set: tags });
  return tags;
}

async function loadDirectory(dir: string, importing: ImportOptions): Promise<readonly Tag[]> {
  return importLayout(await readLayoutIndex(dir), layoutOrigin(dir), importing);
}

async function loadTar(input: string | AsyncIterable<Uint8Array>, importing: ImportOptions, { decompress, io }: LoadOptions): Promise<readonly Tag[]> {
  const name = typeof input === 'string' ? input : 'standard input';
  const bytes = typeof input === 'string' ? readFileStream(input) : input;
  const content = await readArchive({ name, bytes: decompress(bytes), store: importing.store, signal: io.signal });
  return importContent(content, importing);
}

/** `docker save` since version 25 writes both forms into one archive; the layout says more. */
async function importContent(content: ArchiveContent, importing: ImportOptions): Promise<readonly Tag[]> {
  const index = content.documents.get('index.json');
  if (index !== undefined && content.documents.has('oci-layout')) {
    return importLayout(decodeIndex(index, { name: `${content.name}: index.json` }), storeOrigin(importing.store, content.name), importing);
  }
  const manifest = content.documents.get('manifest.json');
  if (manifest !== undefined) return importDockerArchive(content, manifest, importing);
  throw new TsbuildError('registry', 'ARCHIVE_INVALID', `load ${content.name}: it is neither an OCI archive nor a docker-archive`, {
    hint: 'Give what "docker save", "skopeo copy … oci-archive:" or "tsbuild -o type=oci" wrote.',
  });
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function* readFileStream(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* createReadStream(path, { highWaterMark: chunkBytes }) as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw errnoCode(error) === undefined ? error : unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): TsbuildError {
  const cause = errnoCode(error) === 'ENOENT' ? 'no such file or directory' : messageOf(error);
  return new TsbuildError('usage', 'ARCHIVE_UNREADABLE', `load ${path}: ${cause}`, { cause: error, hint: 'Check the path.' });
}
