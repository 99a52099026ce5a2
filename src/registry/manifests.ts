/**
 * Looks manifests up and fetches them, verified by digest (distribution-spec, "Pulling manifests"). It does not read
 * what is in them; `image/decode.ts` does.
 */
import { digestOf, isDigest, parseDigest, type BlobDigest } from '../base/digest.ts';
import { TsbuildError } from '../base/errors.ts';
import { mediaTypes, type Descriptor } from '../image/config.ts';
import { manifestSizeBytesMax } from '../image/limits.ts';
import { withDefaultTag, type Reference } from '../image/reference.ts';
import type { Subject } from './failure.ts';
import type { RegistrySessions, Session } from './session.ts';
import type { HttpResponse } from './transport.ts';

/** A manifest or index as it was sent, with the descriptor of exactly these bytes. */
export interface FetchedManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

interface ManifestRequest {
  readonly sessions: RegistrySessions;
  readonly reference: Reference;
  readonly subject: Subject;
  readonly signal: AbortSignal;
}

const accepted = [mediaTypes.ociIndex, mediaTypes.dockerIndex, mediaTypes.ociManifest, mediaTypes.dockerManifest].join(', ');

/** What a reference stands for now, by HEAD where the registry answers it fully (Docker Hub does not count HEAD). */
export async function resolveManifest(request: ManifestRequest): Promise<Descriptor> {
  return request.sessions.use('pull', request.signal, async (session) => {
    const response = await askManifest(request, session, 'HEAD');
    await response.discard();
    const found = describeHead(response);
    if (found === null) return (await readManifest(request, session)).descriptor;
    const wanted = request.reference.digest;
    if (wanted !== undefined && wanted !== found.digest) throw mismatch(request, found.digest);
    return found;
  });
}

/**
 * The bytes of a manifest.
 * @throws TsbuildError `MANIFEST_MISMATCH`, `DOCUMENT_TOO_LARGE`, `IMAGE_NOT_FOUND` and others, class registry
 */
export async function getManifest(request: ManifestRequest): Promise<FetchedManifest> {
  return request.sessions.use('pull', request.signal, (session) => readManifest(request, session));
}

async function readManifest(request: ManifestRequest, session: Session): Promise<FetchedManifest> {
  const response = await askManifest(request, session, 'GET');
  const bytes = await readWhole(response, request);
  const digest = digestOf<BlobDigest>(bytes);
  const announced = response.header('docker-content-digest');
  const wanted = request.reference.digest ?? (announced !== undefined && isDigest(announced) ? announced : digest);
  if (digest !== wanted) throw mismatch(request, digest);
  return { descriptor: { mediaType: typeOf(response), digest, size: bytes.length }, bytes };
}

async function askManifest({ reference, subject, signal }: ManifestRequest, session: Session, method: 'GET' | 'HEAD'): Promise<HttpResponse> {
  const { digest, tag } = withDefaultTag(reference);
  return session.request({
    method,
    target: `/v2/${reference.repository}/manifests/${digest ?? tag ?? ''}`,
    headers: { accept: accepted },
    scopes: [`repository:${reference.repository}:pull`],
    accept: [200],
    subject,
    signal,
  });
}

async function readWhole(response: HttpResponse, { subject }: ManifestRequest): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body) {
    sizeBytes += chunk.length;
    if (sizeBytes > manifestSizeBytesMax) {
      throw new TsbuildError('registry', 'DOCUMENT_TOO_LARGE', `${subject.operation}: its manifest is larger than the limit of ${manifestSizeBytesMax} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function describeHead(response: HttpResponse): Descriptor | null {
  const digest = response.header('docker-content-digest') ?? '';
  const size = Number(response.header('content-length') ?? '');
  const mediaType = typeOf(response);
  if (!isDigest(digest) || mediaType === '' || !Number.isSafeInteger(size) || size <= 0 || size > manifestSizeBytesMax) return null;
  return { mediaType, digest: parseDigest<BlobDigest>(digest, 'Docker-Content-Digest'), size };
}

function typeOf(response: HttpResponse): string {
  return response.header('content-type')?.split(';', 1)[0]?.trim() ?? '';
}

function mismatch({ subject, reference }: ManifestRequest, actual: string): TsbuildError {
  return new TsbuildError('registry', 'MANIFEST_MISMATCH', `${subject.operation}: the manifest that came has the digest ${actual}`, {
    hint: `${reference.registry}, a mirror or a proxy sent another manifest than it announced. Try again, or without the mirror or proxy.`,
  });
}
