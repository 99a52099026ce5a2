/** Small images with fixed bytes, and the ports that an export needs. */
import { PassThrough } from 'node:stream';
import { pack, type Header } from 'tar-stream';
import { canonicalJson, type JsonValue } from '../../src/base/canonical.ts';
import type { DiffID } from '../../src/base/digest.ts';
import { openCache } from '../../src/cache/cache.ts';
import type { BuiltImage } from '../../src/export/built-image.ts';
import type { ComposeOptions } from '../../src/export/compose.ts';
import { layerCompressor } from '../../src/export/compress.ts';
import type { ExportPorts, ExportRequest } from '../../src/export/export.ts';
import { parseOutput } from '../../src/export/parse-output.ts';
import { layerCompressors } from '../../src/export/compressors.ts';
import type { ImageConfig } from '../../src/image/config.ts';
import { openGzipPool } from '../../src/layer/gzip.ts';
import { invariant } from '../../src/base/errors.ts';
import type { Store } from '../../src/store/store.ts';

const pool = openGzipPool();
const created = '1980-01-02T00:00:00Z';

/** An entry of a small tar; text for a file, else header fields. */
export type Entries = Readonly<Record<string, string | Partial<Header>>>;

/** A tar with fixed owners, times and modes. */
export async function tarOf(entries: Entries): Promise<Buffer> {
  const tar = pack();
  for (const [name, entry] of Object.entries(entries)) {
    const fields = { name, mtime: new Date(315_619_200_000), uid: 0, gid: 0, mode: name.endsWith('/') ? 0o755 : 0o644, type: name.endsWith('/') ? 'directory' : 'file' } as const;
    if (typeof entry === 'string') tar.entry(fields, entry);
    else tar.entry({ ...fields, ...entry }, '');
  }
  tar.finalize();
  return collect(tar as AsyncIterable<Uint8Array>);
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** An image of two layers, whose tars are put into the store. */
export async function smallImage(store: Store, changes: Partial<ImageConfig> = {}): Promise<BuiltImage> {
  const tars = [await tarOf({ 'etc/': '', 'etc/hello': 'hello\n' }), await tarOf({ 'bin/': '', 'bin/run': { mode: 0o755 } })];
  const layers: DiffID[] = [];
  for (const tar of tars) layers.push((await store.blobs.put(tar)).digest as string as DiffID);
  const config: ImageConfig = {
    architecture: 'amd64',
    os: 'linux',
    created,
    config: { Env: ['PATH=/bin'], Cmd: ['/bin/run'], Labels: { a: 'b' } },
    rootfs: { type: 'layers', diff_ids: layers },
    history: [
      { created, created_by: 'COPY etc /etc # buildkit', comment: 'tsbuild' },
      { created, created_by: 'ENV PATH=/bin', comment: 'tsbuild', empty_layer: true },
      { created, created_by: 'COPY bin /bin # buildkit', comment: 'tsbuild' },
    ],
    ...changes,
  };
  const configBytes = Buffer.from(canonicalJson(config as unknown as JsonValue));
  return { config, configBytes, layers, platform: { os: config.os, architecture: config.architecture } };
}

/** What a test can look at after an export. */
export interface TestPorts extends ExportPorts {
  readonly stdout: PassThrough & { isTTY?: boolean };
  readonly notices: string[];
  /** How often a layer was really compressed. */
  readonly compressions: string[];
}

export function testPorts(store: Store, rootfs: () => Promise<Buffer> = () => tarOf({ 'etc/': '', 'etc/hello': 'hello\n' })): TestPorts {
  const notices: string[] = [];
  const compressions: string[] = [];
  const { gzip } = layerCompressors(pool);
  invariant(gzip !== undefined, 'gzip is always there');
  const compress = (tar: AsyncIterable<Uint8Array>, level: number, signal: AbortSignal): AsyncIterable<Uint8Array> => {
    compressions.push(`level ${level}`);
    return gzip.compress(tar, level, signal);
  };
  return {
    stdout: new PassThrough(),
    notices,
    compressions,
    compress: layerCompressor({ blobs: store.blobs, records: openCache(store), compressors: { gzip: { ...gzip, compress } } }),
    rootfs: async function* () {
      yield await rootfs();
    },
    push: () => Promise.resolve(),
    load: async (archive) => void (await collect(archive)),
    notice: (text) => notices.push(text),
  };
}

/** How a single image with these names is kept. */
export function named(...names: readonly string[]): ComposeOptions {
  return { names, isIndex: false, annotations: [] };
}

/** A request for one output, as written behind `-o`. */
export async function request(store: Store, output: string, changes: Partial<ExportRequest> = {}): Promise<ExportRequest> {
  return {
    store,
    images: [await smallImage(store)],
    spec: parseOutput(output),
    isIndex: false,
    names: ['docker.io/library/small:1'],
    annotations: [],
    ports: testPorts(store),
    signal: new AbortController().signal,
    ...changes,
  };
}
