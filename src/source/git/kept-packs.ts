/**
 * What git has sent for a commit, kept in the store as the one pack that it came in: while a reference stands for the same
 * commit, nothing is fetched again. Objects are named by their content, and git checks each when it reads the pack; so
 * whoever may know the commit may have its files. Start at `openPacks`.
 */
import { randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { canonicalJson } from '../../base/canonical.ts';
import { isDigest, type BlobDigest } from '../../base/digest.ts';
import { errnoCode, TsbuildError } from '../../base/errors.ts';
import { diskError } from '../../store/disk-error.ts';
import { makeFolder, replaceFile } from '../../store/durable.ts';
import type { Store } from '../../store/store.ts';
import { writeStream } from '../write-stream.ts';

export interface KeptPacks {
  /** Puts the pack of a commit where a repository looks for it, and returns its path; null where it is not known, or broken. */
  restore(commit: string, gitFolder: string, signal: AbortSignal): Promise<string | null>;
  /** Keeps the pack that was fetched, if it is one. */
  keep(commit: string, gitFolder: string): Promise<void>;
}

const version = 1;

export function openPacks(store: Store): KeptPacks {
  const recordOf = (commit: string): string => join(store.paths.cache, 'git', `${commit}.json`);
  return {
    restore: async (commit, gitFolder, signal) => {
      const digest = await readRecord(recordOf(commit));
      if (digest === null || store.blobs.stat(digest) === null) return null;
      const path = join(gitFolder, 'objects/pack', `pack-${digest.slice('sha256:'.length)}.pack`);
      try {
        await pipeline(store.blobs.stream(digest), createWriteStream(path, { flags: 'wx', mode: 0o600 }), { signal });
        return path;
      } catch (error) {
        if (!(error instanceof TsbuildError) || (error.code !== 'BLOB_CORRUPT' && error.code !== 'BLOB_MISSING')) throw error;
        await rm(path, { force: true });
        return null;
      }
    },
    keep: async (commit, gitFolder) => {
      const folder = join(gitFolder, 'objects/pack');
      const [pack, ...others] = (await readdir(folder)).filter((name) => name.endsWith('.pack'));
      if (pack === undefined || others.length > 0) return;
      const { digest } = await store.blobs.ingest((fd) => writeStream(fd, createReadStream(join(folder, pack))));
      await writeRecord(store, recordOf(commit), digest);
    },
  };
}

async function readRecord(path: string): Promise<BlobDigest | null> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError || errnoCode(error) === 'ENOENT') return null;
    throw diskError(error, { operation: 'read record', path, owner: 'store' });
  }
  if (typeof value !== 'object' || value === null || !('version' in value) || value.version !== version || !('digest' in value)) return null;
  return typeof value.digest === 'string' && isDigest(value.digest) ? (value.digest as BlobDigest) : null; // a digest of a blob: `keep` wrote it
}

async function writeRecord({ paths }: Store, path: string, digest: BlobDigest): Promise<void> {
  makeFolder(join(paths.cache, 'git'));
  const temporary = join(paths.tmp, `record-${randomBytes(8).toString('hex')}`);
  try {
    await replaceFile({ path, temporary, bytes: canonicalJson({ version, digest }), mode: 0o600, flush: 'bytes' });
  } catch (error) {
    throw diskError(error, { operation: 'write record', path, owner: 'store' });
  }
}
