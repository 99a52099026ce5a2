/**
 * Uploads blobs and manifests (distribution-spec, "Push"): nothing is sent that the registry has or can mount from
 * another repository; blobs go up in one piece. Mirrors take no part.
 */
import { TsbuildError } from '../base/errors.ts';
import type { Descriptor } from '../image/config.ts';
import { withDefaultTag, type Reference } from '../image/reference.ts';
import { abortFailure, type Subject } from './failure.ts';
import type { RegistryOptions } from './options.ts';
import type { RegistrySessions, Session } from './session.ts';
import type { HttpResponse } from './transport.ts';

/** A blob to upload. */
export interface PushedBlob {
  readonly descriptor: Descriptor;
  /** Opens the bytes; called again for another attempt. */
  open(): AsyncIterable<Uint8Array>;
  /** A repository of the same registry that may hold the blob. */
  readonly mountFrom?: string;
}

/** How a blob came to be in the repository. */
export type PushOutcome = 'existed' | 'mounted' | 'uploaded';

/** What an upload needs. */
export interface PushRequest {
  readonly sessions: RegistrySessions;
  readonly reference: Reference;
  readonly subject: Subject;
  readonly wait: RegistryOptions['wait'];
  readonly signal: AbortSignal;
}

const uploadsMax = 4;
const firstPauseMs = 500;
/** What an upload that was given up leaves in the error's code, when another one can help. */
const mendable = new Set(['REGISTRY_UNREACHABLE', 'REGISTRY_UNAVAILABLE', 'REGISTRY_RATE_LIMIT']);

/** Makes a blob present in the repository. Throws TsbuildError of class registry or interrupted. */
export async function pushBlob(request: PushRequest, blob: PushedBlob, onProgress?: (currentBytes: number) => void): Promise<PushOutcome> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await request.sessions.use('push', request.signal, (session) => pushOnce(request, session, { blob, onProgress }));
    } catch (error) {
      if (request.signal.aborted) throw abortFailure(request.subject.operation, request.signal);
      if (attempt >= uploadsMax || !(error instanceof TsbuildError) || !mendable.has(error.code)) throw error;
    }
    await request.wait(firstPauseMs * 2 ** (attempt - 1), request.signal);
  }
}

/** Uploads a manifest or index under the reference's tag, or under its digest where it has no tag. */
export async function pushManifest(request: PushRequest, manifest: { readonly descriptor: Descriptor; readonly bytes: Uint8Array }): Promise<void> {
  const { reference, subject, signal } = request;
  const tag = reference.tag ?? (reference.digest === undefined ? withDefaultTag(reference).tag : undefined);
  const response = await request.sessions.use('push', signal, (session) =>
    session.request({
      method: 'PUT',
      target: `/v2/${reference.repository}/manifests/${tag ?? manifest.descriptor.digest}`,
      headers: { 'content-type': manifest.descriptor.mediaType, 'content-length': String(manifest.bytes.length) },
      body: manifest.bytes,
      scopes: pushScopes(reference),
      accept: [200, 201, 202],
      subject,
      signal,
    }),
  );
  await response.discard();
}

async function pushOnce(request: PushRequest, session: Session, upload: { blob: PushedBlob; onProgress: ((currentBytes: number) => void) | undefined }): Promise<PushOutcome> {
  const { blob } = upload;
  const common = { scopes: pushScopes(request.reference, blob.mountFrom), subject: request.subject, signal: request.signal };
  const blobs = `/v2/${request.reference.repository}/blobs`;
  const head = await session.request({ ...common, method: 'HEAD', target: `${blobs}/${blob.descriptor.digest}`, accept: [200, 404] });
  await head.discard();
  if (head.status === 200) return 'existed';
  const mount = blob.mountFrom === undefined ? '' : `?${new URLSearchParams({ mount: blob.descriptor.digest, from: blob.mountFrom }).toString()}`;
  const started = await session.request({ ...common, method: 'POST', target: `${blobs}/uploads/${mount}`, headers: { 'content-length': '0' }, accept: [201, 202] });
  await started.discard();
  if (started.status === 201) return 'mounted';
  const put = await session.request({
    ...common,
    method: 'PUT',
    target: uploadTarget(request, started, blob.descriptor),
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(blob.descriptor.size) },
    body: () => countBytes(blob.open(), upload.onProgress),
    accept: [201, 204],
  });
  await put.discard();
  return 'uploaded';
}

function pushScopes(reference: Reference, mountFrom?: string): readonly string[] {
  const own = `repository:${reference.repository}:pull,push`;
  return mountFrom === undefined ? [own] : [own, `repository:${mountFrom}:pull`];
}

function uploadTarget({ subject }: PushRequest, started: HttpResponse, descriptor: Descriptor): URL {
  const location = started.header('location') ?? '';
  const target = URL.canParse(location, started.url.href) && location !== '' ? new URL(location, started.url.href) : null;
  const downgraded = target !== null && started.url.protocol === 'https:' && target.protocol !== 'https:';
  if (target === null || downgraded || !/^https?:$/.test(target.protocol)) {
    throw new TsbuildError('registry', 'REGISTRY_UNEXPECTED', `${subject.operation}: ${started.url.host}: the registry names ${downgraded ? 'a plain HTTP address' : 'no address'} for the upload`, {
      hint: downgraded ? 'The registry stands behind a proxy that ends TLS; set its "X-Forwarded-Proto" or its own external address.' : 'Check that the host is a container registry.',
    });
  }
  target.searchParams.set('digest', descriptor.digest);
  return target;
}

async function* countBytes(source: AsyncIterable<Uint8Array>, onProgress?: (currentBytes: number) => void): AsyncGenerator<Uint8Array, void, undefined> {
  let sizeBytes = 0;
  for await (const chunk of source) {
    yield chunk;
    sizeBytes += chunk.length;
    onProgress?.(sizeBytes);
  }
}
