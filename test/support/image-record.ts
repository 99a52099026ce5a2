/** What an image says and holds, as text that a person can review: its config, and one line for each file of a tar. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { extract, type Header } from 'tar-stream';

/**
 * The config of an image in a store, indented. The layers' digests are left out, because a base image that is made on the
 * machine has another in each; how many there are stays.
 */
export async function imageConfig(store: string, imageID: string): Promise<string> {
  // A config of our own making; the test compares all of it.
  const config = JSON.parse(await readFile(join(store, 'oci/blobs', imageID.replace(':', '/')), 'utf8')) as { rootfs: { diff_ids: string[] } };
  const rootfs = { ...config.rootfs, diff_ids: config.rootfs.diff_ids.length };
  return `${JSON.stringify({ ...config, rootfs }, undefined, 2)}\n`;
}

/** Which entries to show. */
export interface Shown {
  readonly paths: RegExp;
  /** Files whose bytes come from a program of the distribution, such as a compiler: they have neither size nor digest. */
  readonly made?: RegExp;
}

/** `PATH TYPE MODE UID:GID` and what the entry is: size and digest of a file, target of a link, in the tar's order. */
export async function tarLines(tar: string, { paths, made }: Shown): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const entry of createReadStream(tar).pipe(extract())) {
    const path = `/${entry.header.name.replace(/\/$/, '')}`;
    // Read also where it is not shown: the archive goes on only behind it.
    const content = await readContent(entry.header, entry as AsyncIterable<Buffer>);
    if (paths.test(path)) lines.push(`${path} ${metadata(entry.header)}${made?.test(path) === true ? ' made' : content}`);
  }
  return lines;
}

function metadata({ type, mode = 0, uid = 0, gid = 0 }: Header): string {
  return `${type ?? 'file'} ${mode.toString(8).padStart(4, '0')} ${String(uid)}:${String(gid)}`;
}

async function readContent(header: Header, data: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of data) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  if (header.type === 'symlink' || header.type === 'link') return ` -> ${header.linkname ?? ''}`;
  return header.type === 'file' ? ` ${String(sizeBytes)} ${hash.digest('hex').slice(0, 16)}` : '';
}
