/**
 * Reads OCI image layouts on disk (image-layout.md). The files are hostile: a blob that is a link, a pipe or another
 * size is refused, and every byte is verified. It writes nothing.
 */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { hexOf } from '../base/digest.ts';
import { errnoCode, messageOf, TsbuildError } from '../base/errors.ts';
import type { Descriptor, Index } from '../image/config.ts';
import { decodeIndex } from '../image/decode.ts';
import { manifestSizeBytesMax } from '../image/limits.ts';
import { abortFailure } from '../registry/failure.ts';
import { checkBlob } from '../registry/verified.ts';
import type { NamedContext } from './named-context.ts';
import type { ImageOrigin } from './origin.ts';

/** The annotation that names an entry of a layout (OCI annotations.md). */
export const refNameKey = 'org.opencontainers.image.ref.name';
const chunkBytes = 1024 * 1024;

/** The origin for everything in a layout. */
export function layoutOrigin(dir: string): ImageOrigin {
  const name = `oci-layout://${dir}`;
  const fetchBlob: ImageOrigin['fetchBlob'] = async function* (descriptor, { signal, onProgress }) {
    const check = checkBlob(descriptor, `read ${name}`);
    let current = 0;
    for await (const chunk of readFileChunks(blobPath(dir, descriptor), `read ${name}`)) {
      if (signal.aborted) throw abortFailure(`read ${name}`, signal);
      check.update(chunk);
      current += chunk.length;
      onProgress?.(current);
      yield chunk;
    }
    check.finish();
  };
  return {
    name,
    fetchBlob,
    readDocument: async (descriptor, signal) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of fetchBlob(descriptor, { signal })) chunks.push(chunk);
      return Buffer.concat(chunks);
    },
  };
}

/** Where a blob of the layout is. */
export function blobPath(dir: string, { digest }: Pick<Descriptor, 'digest'>): string {
  return join(dir, 'blobs', 'sha256', hexOf(digest));
}

/**
 * The layout's index.
 * @throws TsbuildError `LAYOUT_INVALID` and what decoding throws, class registry
 */
export async function readLayoutIndex(dir: string): Promise<Index> {
  const name = `oci-layout://${dir}`;
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of readFileChunks(join(dir, 'index.json'), `read ${name}`)) {
    sizeBytes += chunk.length;
    if (sizeBytes > manifestSizeBytesMax) throw new TsbuildError('registry', 'DOCUMENT_TOO_LARGE', `read ${name}: index.json is larger than the limit of ${manifestSizeBytesMax} bytes`);
    chunks.push(chunk);
  }
  return decodeIndex(Buffer.concat(chunks), { name: `${name}: index.json` });
}

/** The entry of a layout that a named context means: by digest, by tag, or the only one. */
export async function findLayoutRoot(context: NamedContext & { kind: 'oci-layout' }): Promise<Descriptor> {
  const { manifests } = await readLayoutIndex(context.path);
  const named = (name: string): Descriptor | undefined => manifests.find((entry) => entry.annotations?.[refNameKey] === name);
  const only = manifests.length === 1 ? manifests[0] : undefined;
  const byTag = context.tag === undefined ? (only ?? named('latest')) : named(context.tag);
  const found = context.digest === undefined ? byTag : manifests.find((entry) => entry.digest === context.digest);
  if (found !== undefined) return found;
  const wanted = context.digest ?? context.tag ?? 'latest';
  const names = manifests.map((entry) => entry.annotations?.[refNameKey] ?? entry.digest);
  throw new TsbuildError('registry', 'IMAGE_NOT_FOUND', `resolve oci-layout://${context.path}: it has no image ${JSON.stringify(wanted)}`, {
    hint: names.length === 0 ? 'The layout is empty.' : `It has ${names.slice(0, 20).join(', ')}.`,
  });
}

/** A file's bytes; links and everything that is not a file are refused. */
async function* readFileChunks(path: string, operation: string): AsyncGenerator<Uint8Array, void, undefined> {
  const handle = await openFile(path, operation);
  try {
    if (!(await handle.stat()).isFile()) throw unreadable(path, operation, 'it is not a regular file');
    yield* handle.createReadStream({ autoClose: false, highWaterMark: chunkBytes }) as AsyncIterable<Uint8Array>;
  } finally {
    await handle.close();
  }
}

async function openFile(path: string, operation: string): Promise<FileHandle> {
  try {
    // Not blocking: a pipe in the place of a blob must not hold us up.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = errnoCode(error);
    throw unreadable(path, operation, code === 'ENOENT' ? 'it is missing' : code === 'ELOOP' ? 'it is a symbolic link' : messageOf(error), error);
  }
}

function unreadable(path: string, operation: string, cause: string, error?: unknown): TsbuildError {
  return new TsbuildError('registry', 'LAYOUT_INVALID', `${operation}: ${path}: ${cause}`, {
    hint: 'Check that the directory is a complete OCI image layout.',
    ...(error === undefined ? {} : { cause: error }),
  });
}
