/** Clients and images for the registry's tests. */
import type { LookupFunction } from 'node:net';
import type { TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { digestOf, type BlobDigest, type DiffID } from '../../src/base/digest.ts';
import { assembleImage } from '../../src/image/assemble.ts';
import { mediaTypes, type Descriptor } from '../../src/image/config.ts';
import { parseReference, type Reference } from '../../src/image/reference.ts';
import type { RegistryOptions } from '../../src/registry/options.ts';
import { clientDefaults, createRegistry, type Registry } from '../../src/registry/registry.ts';

/** Never aborts. */
export const calm = new AbortController().signal;

/** All names are this machine, so that certificates can be for real names. */
export const everyNameIsLoopback: LookupFunction = (_name, options, callback) => {
  if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }]);
  else callback(null, '127.0.0.1', 4);
};

/** Options with nothing set up and pauses that take no time; `pauses` records them. */
export function testOptions(changes: Partial<RegistryOptions> = {}, pauses: number[] = []): RegistryOptions {
  return {
    ...clientDefaults,
    credentials: () => Promise.resolve(null),
    tls: { hosts: new Map() },
    mirrors: new Map(),
    insecure: [],
    proxies: {},
    lookup: everyNameIsLoopback,
    wait: (durationMs, signal) => {
      pauses.push(durationMs);
      signal.throwIfAborted();
      return Promise.resolve();
    },
    ...changes,
  };
}

export function openClient(test: TestContext, changes: Partial<RegistryOptions> = {}, pauses: number[] = []): Registry {
  const client = createRegistry(testOptions(changes, pauses));
  test.after(() => client.close());
  return client;
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

export interface TestImage {
  readonly manifest: { readonly descriptor: Descriptor; readonly bytes: Buffer };
  readonly config: { readonly descriptor: Descriptor; readonly bytes: Buffer };
  readonly layer: { readonly descriptor: Descriptor; readonly bytes: Buffer };
  readonly diffID: DiffID;
  /** All of them by digest. */
  readonly blobs: ReadonlyMap<string, Buffer>;
}

/** An image with one layer; `content` makes it differ from others. */
export function makeImage(content: string | Buffer = 'hello', architecture = 'amd64'): TestImage {
  const tar = Buffer.concat([Buffer.from(content), Buffer.alloc(1024 - (Buffer.from(content).length % 512))]);
  const bytes = gzipSync(tar);
  const descriptor = { mediaType: mediaTypes.ociLayerGzip, digest: digestOf<BlobDigest>(bytes), size: bytes.length };
  const diffID = digestOf<DiffID>(tar);
  const { config, manifest } = assembleImage({ config: { os: 'linux', architecture, rootfs: { type: 'layers', diff_ids: [diffID] } }, layers: [descriptor] });
  const blobs = new Map([[descriptor.digest, bytes], [config.descriptor.digest, config.bytes], [manifest.descriptor.digest, manifest.bytes]]);
  return { manifest, config, layer: { descriptor, bytes }, diffID, blobs };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield await Promise.resolve(bytes);
}

/** Pushes an image with our own client. */
export async function pushImage(client: Registry, reference: Reference, image: TestImage): Promise<readonly string[]> {
  const outcomes: string[] = [];
  for (const { descriptor, bytes } of [image.layer, image.config]) {
    outcomes.push(await client.pushBlob(reference, { descriptor, open: () => once(bytes) }, { signal: calm }));
  }
  await client.pushManifest(reference, image.manifest, calm);
  return outcomes;
}

export function refTo(port: number, rest = 'app:1', host = '127.0.0.1'): Reference {
  return parseReference(`${host}:${port}/${rest}`);
}
