/** A registry in memory that counts what it is asked. */
import { TsbuildError } from '../../src/base/errors.ts';
import type { Descriptor } from '../../src/image/config.ts';
import { formatReference, withDefaultTag } from '../../src/image/reference.ts';
import type { Registry } from '../../src/registry/registry.ts';

export interface FakeRegistry extends Registry {
  /** By full reference without a digest. */
  readonly tags: Map<string, Descriptor>;
  readonly blobs: Map<string, Buffer>;
  /** `get docker.io/library/a:1`, `blob sha256:…` in order. */
  readonly asked: string[];
}

const chunkBytes = 1000;

export function fakeRegistry(): FakeRegistry {
  const tags = new Map<string, Descriptor>();
  const blobs = new Map<string, Buffer>();
  const asked: string[] = [];
  const find: Registry['getManifest'] = (reference) => {
    const name = formatReference(withDefaultTag(reference));
    const digest = reference.digest ?? tags.get(name)?.digest;
    const bytes = digest === undefined ? undefined : blobs.get(digest);
    if (digest === undefined || bytes === undefined) return Promise.reject(new TsbuildError('registry', 'IMAGE_NOT_FOUND', `pull ${name}: not found`));
    return Promise.resolve({ descriptor: { mediaType: '', digest, size: bytes.length }, bytes });
  };
  return {
    tags,
    blobs,
    asked,
    resolve: async (reference, signal) => {
      asked.push(`head ${formatReference(reference)}`);
      return { descriptor: (await find(reference, signal)).descriptor };
    },
    getManifest: (reference, signal) => {
      asked.push(`get ${formatReference(reference)}`);
      return find(reference, signal);
    },
    fetchBlob: async function* (_reference, descriptor, { signal, onProgress }) {
      asked.push(`blob ${descriptor.digest}`);
      const bytes = blobs.get(descriptor.digest);
      if (bytes === undefined) throw new TsbuildError('registry', 'BLOB_NOT_FOUND', `pull blob ${descriptor.digest}: not found`);
      for (let at = 0; at < bytes.length; at += chunkBytes) {
        await new Promise((resolve) => setImmediate(resolve));
        if (signal.aborted) throw signal.reason as Error;
        const chunk = bytes.subarray(at, at + chunkBytes);
        onProgress?.(at + chunk.length, bytes.length);
        yield chunk;
      }
    },
    pushBlob: () => Promise.reject(new Error('not part of the fake')),
    pushManifest: () => Promise.reject(new Error('not part of the fake')),
    close: () => Promise.resolve(),
  };
}
