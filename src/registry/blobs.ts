/**
 * Downloads blobs: verified while they stream, resumed where the connection broke (distribution-spec, "Pulling blobs").
 * It stores nothing. Start at `fetchBlob`.
 */
import { TsbuildError } from '../base/errors.ts';
import type { Descriptor } from '../image/config.ts';
import type { Reference } from '../image/reference.ts';
import { abortFailure, connectionFailure, isTransientError, type Subject } from './failure.ts';
import type { RegistryOptions } from './options.ts';
import type { RegistrySessions } from './session.ts';
import { checkBlob } from './verified.ts';

/** Breaks in a row without one new byte, after which a download fails. */
const stallsMax = 4;
/** Breaks of one download altogether. */
const breaksMax = 50;
const firstPauseMs = 250;

/** What a download needs. */
export interface BlobRequest {
  readonly sessions: RegistrySessions;
  readonly reference: Reference;
  readonly descriptor: Descriptor;
  readonly subject: Subject;
  readonly wait: RegistryOptions['wait'];
  readonly signal: AbortSignal;
  readonly onProgress?: ((currentBytes: number, totalBytes: number) => void) | undefined;
}

/**
 * The bytes of a blob. The last of them may have come before the iteration throws: they count only once it has ended.
 * @throws TsbuildError `BLOB_MISMATCH`, `BLOB_NOT_FOUND` and others, class registry; `INTERRUPTED`
 */
export async function* fetchBlob(request: BlobRequest): AsyncGenerator<Uint8Array, void, undefined> {
  const { descriptor, onProgress } = request;
  const check = checkBlob(descriptor, request.subject.operation);
  const breaks = { stalls: 0, total: 0 };
  let offset = 0;
  for (;;) {
    const body = await openBody(request, offset);
    const startedAt = offset;
    let broken: unknown = null;
    for await (const chunk of catchBreaks(body, (error) => (broken = error))) {
      check.update(chunk);
      offset += chunk.length;
      onProgress?.(offset, descriptor.size);
      yield chunk;
    }
    if (offset === descriptor.size || (broken === null && startedAt === offset)) break;
    await recover(request, { ...countBreak(breaks, offset > startedAt), error: broken, offset });
  }
  check.finish();
}

function countBreak(breaks: { stalls: number; total: number }, progressed: boolean): { stalls: number; total: number } {
  breaks.total += 1;
  breaks.stalls = progressed ? 0 : breaks.stalls + 1;
  return breaks;
}

/** Ends the iteration where the connection breaks and reports the break, instead of throwing it through the consumer. */
async function* catchBreaks(body: AsyncIterable<Uint8Array>, report: (error: unknown) => void): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = body[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const next = await iterator.next();
      if (next.done === true) break;
      yield next.value;
    }
    ended = true;
  } catch (error) {
    ended = true;
    report(error);
  } finally {
    if (!ended) await iterator.return?.();
  }
}

async function recover(request: BlobRequest, breakdown: { stalls: number; total: number; error: unknown; offset: number }): Promise<void> {
  const { subject, signal, reference } = request;
  if (signal.aborted) throw abortFailure(subject.operation, signal);
  const { error, stalls, total } = breakdown;
  if (error instanceof TsbuildError) throw error;
  const hopeless = error !== null && !isTransientError(error);
  if (hopeless || stalls > stallsMax || total > breaksMax) throw connectionFailure(subject, reference.registry, error);
  try {
    await request.wait(firstPauseMs * 2 ** stalls, signal);
  } catch (waitError) {
    throw signal.aborted ? abortFailure(subject.operation, signal) : waitError;
  }
}

async function openBody(request: BlobRequest, offset: number): Promise<AsyncIterable<Uint8Array>> {
  const { reference, descriptor, subject, signal } = request;
  const response = await request.sessions.use('pull', signal, (session) =>
    session.request({
      method: 'GET',
      target: `/v2/${reference.repository}/blobs/${descriptor.digest}`,
      headers: offset === 0 ? {} : { range: `bytes=${offset}-` },
      scopes: [`repository:${reference.repository}:pull`],
      accept: offset === 0 ? [200] : [200, 206, 416],
      subject,
      signal,
    }),
  );
  if (response.status === 200) return skipBytes(response.body, offset);
  if (response.header('content-range')?.startsWith(`bytes ${offset}-`) === true) return response.body;
  await response.discard();
  // 416: there is nothing behind the offset; the check of the size will say so.
  if (response.status === 416) return skipBytes([], 0);
  throw new TsbuildError('registry', 'REGISTRY_UNEXPECTED', `${subject.operation}: blob ${descriptor.digest}: the registry resumed at another place than byte ${offset}`, {
    hint: 'Try again.',
  });
}

/** A server without ranges starts from the beginning; what is known already is passed over. */
async function* skipBytes(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, countBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  let toSkip = countBytes;
  for await (const chunk of body) {
    const skipped = Math.min(toSkip, chunk.length);
    toSkip -= skipped;
    if (skipped < chunk.length) yield chunk.subarray(skipped);
  }
}
