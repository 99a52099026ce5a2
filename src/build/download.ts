/** ADD of an address: fetched once a build into the temporary folder, its digest checked while it arrives. */
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createHash } from 'node:crypto';
import ssri from 'ssri';
import { digestFromHex, type ContentDigest } from '../base/digest.ts';
import { errnoCode, messageOf, TsbuildError } from '../base/errors.ts';
import type { RegistryConfigSources } from '../registry/load-config.ts';
import type { HttpResponse, Transport } from '../registry/transport.ts';
import type { Download, Downloaded } from './environment.ts';

const redirectsMax = 10;

export interface DownloadOptions {
  readonly tmp: string;
  /** Certificates and proxies are those of registries. */
  readonly registry: RegistryConfigSources;
}

/** @throws TsbuildError `DOWNLOAD_FAILED`, `CHECKSUM_MISMATCH`, class registry; `CHECKSUM_INVALID`, class usage */
export function createDownload(options: DownloadOptions): { readonly download: Download; close(): Promise<void> } {
  const known = new Map<string, Promise<Downloaded>>();
  let transport: Promise<Transport> | null = null;
  const download: Download = ({ url, checksum, signal }) => {
    const key = JSON.stringify([url, checksum]);
    const running = known.get(key);
    if (running !== undefined) return running;
    transport ??= openTransport(options.registry);
    const fetching = fetchFile(transport, url, checksum, join(options.tmp, `download-${known.size}`), signal);
    known.set(key, fetching);
    return fetching;
  };
  const close = async (): Promise<void> => {
    const [opened] = await Promise.allSettled([transport]); // one that failed to open has nothing to close
    if (opened.status === 'fulfilled') await opened.value?.close();
  };
  return { download, close };
}

async function openTransport(sources: RegistryConfigSources): Promise<Transport> {
  const [{ createTransport }, { loadRegistryConfig }] = await Promise.all([import('../registry/transport.ts'), import('../registry/load-config.ts')]);
  return createTransport(await loadRegistryConfig(sources));
}

async function fetchFile(opening: Promise<Transport>, url: string, checksum: string | null, path: string, signal: AbortSignal): Promise<Downloaded> {
  const integrity = checksum === null ? null : integrityOf(checksum);
  const transport = await opening;
  try {
    const response = await follow(transport, new URL(url), signal);
    const hash = createHash('sha256');
    const checked = integrity === null ? null : ssri.integrityStream({ integrity, algorithms: ['sha256'] });
    const digesting = async function* (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const chunk of chunks) {
        hash.update(chunk);
        yield chunk;
      }
    };
    const target = createWriteStream(path, { mode: 0o600 });
    if (checked === null) await pipeline(response.body, digesting, target, { signal });
    else await pipeline(response.body, digesting, checked, target, { signal });
    return { path, digest: digestFromHex<ContentDigest>(hash.digest('hex')) };
  } catch (error) {
    signal.throwIfAborted();
    throw downloadError(url, checksum, error);
  }
}

function integrityOf(checksum: string): ReturnType<typeof ssri.fromHex> {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(checksum)?.[1];
  if (hex !== undefined) return ssri.fromHex(hex, 'sha256');
  throw new TsbuildError('usage', 'CHECKSUM_INVALID', `ADD --checksum=${checksum}: invalid checksum`, { hint: 'Write sha256: and 64 hexadecimal digits.' });
}

async function follow(transport: Transport, start: URL, signal: AbortSignal): Promise<HttpResponse> {
  let url = start;
  for (let count = 0; count <= redirectsMax; count++) {
    const response = await transport.send({ method: 'GET', url, headers: {}, signal });
    if (response.status >= 200 && response.status < 300) return response;
    const location = response.header('location');
    await response.discard();
    if (response.status < 300 || response.status >= 400 || location === undefined) {
      throw new TsbuildError('registry', 'DOWNLOAD_FAILED', `ADD ${start.href}: invalid response status ${response.status}`);
    }
    url = new URL(location, url);
  }
  throw new TsbuildError('registry', 'DOWNLOAD_FAILED', `ADD ${start.href}: more than ${redirectsMax} redirects`);
}

function downloadError(url: string, checksum: string | null, cause: unknown): unknown {
  if (cause instanceof TsbuildError) return cause;
  if (errnoCode(cause) === 'EINTEGRITY') {
    return new TsbuildError('registry', 'CHECKSUM_MISMATCH', `ADD ${url}: its digest is not ${checksum}`, {
      hint: 'The file behind the address has changed, or the checksum is wrong.',
      cause,
    });
  }
  return new TsbuildError('registry', 'DOWNLOAD_FAILED', `ADD ${url}: ${messageOf(cause)}`, { cause, hint: 'Check the address and the network.' });
}
