/**
 * Runs a job of the sandbox process with a pipe between it and us: the job walks trees in the namespaces that own them,
 * the addon digests and writes on its own thread.
 */
import { Socket } from 'node:net';
import { errnoCode, TsbuildError } from '../base/errors.ts';
import { loadAddon } from '../native/addon.ts';
import type { FrameReader } from '../native/encoding.ts';
import { FrameType, type Helper, type JobKind } from '../native/helper.ts';
import { pump, type Pumped } from './pump.ts';
import { explainRefusal } from './refusal.ts';

/** A job whose first descriptor is one end of a pipe. */
export interface StreamingJob {
  readonly kind: JobKind;
  readonly spec: Uint8Array;
  /** Names the work in errors. */
  readonly what: string;
  readonly signal?: AbortSignal;
}

/** How it ended. */
export interface StreamedJob<Moved> {
  readonly result: FrameReader;
  readonly moved: Moved;
  /** Lines for people, e.g. about sockets that were left out. */
  readonly warnings: readonly string[];
}

/** What the job writes goes to `toFd`; null: is only digested. The caller keeps and closes `toFd`. */
export function receiveFromJob(helper: Helper, job: StreamingJob, toFd: number | null): Promise<StreamedJob<Pumped>> {
  return streamJob(helper, job, 'writeFd', ({ readFd }) => closing(readFd, () => pump(readFd, toFd)));
}

/** The job reads what `fromFd` holds from its current offset on. The caller keeps and closes `fromFd`. */
export function sendToJob(helper: Helper, job: StreamingJob, fromFd: number): Promise<StreamedJob<Pumped>> {
  return streamJob(helper, job, 'readFd', ({ writeFd }) => closing(writeFd, () => pump(fromFd, writeFd)));
}

/**
 * What the job writes, in memory.
 * @throws TsbuildError `ANSWER_TOO_LARGE` for more than `sizeMax` bytes
 */
export function collectFromJob(helper: Helper, job: StreamingJob, sizeMax: number): Promise<StreamedJob<Buffer>> {
  return streamJob(helper, job, 'writeFd', ({ readFd }) => collect(readFd, sizeMax, job.what));
}

interface Pipe {
  readonly readFd: number;
  readonly writeFd: number;
}

/** The signal stops the job, whose end of the pipe then closes, and that ends the mover; so only the job gets it. */
async function streamJob<Moved>(helper: Helper, job: StreamingJob, jobEnd: keyof Pipe, move: (pipe: Pipe) => Promise<Moved>): Promise<StreamedJob<Moved>> {
  const { kind, spec, what, signal } = job;
  signal?.throwIfAborted();
  const warnings: string[] = [];
  const onFrame = (type: FrameType, body: FrameReader): void => {
    if (type === FrameType.Warning) warnings.push(body.string());
  };
  const pipe = loadAddon().createPipe();
  const answering = closing(pipe[jobEnd], () =>
    helper.request({ kind, spec, fds: [pipe[jobEnd]], what, onFrame, ...(signal === undefined ? {} : { signal }) }),
  );
  const [answer, moved] = await Promise.allSettled([answering, move(pipe)]);
  // A mover whose reader went away failed because the job did; every other failure of it is the cause of the job's.
  if (moved.status === 'rejected' && (answer.status === 'fulfilled' || errnoCode(moved.reason) !== 'EPIPE')) {
    signal?.throwIfAborted();
    throw moved.reason;
  }
  if (answer.status === 'rejected') throw explainRefusal(answer.reason, what);
  if (moved.status === 'rejected') throw moved.reason;
  return { result: answer.value, moved: moved.value, warnings };
}

/** Closes our copy of a descriptor as soon as the work has taken its own, which it has when it returns its promise. */
function closing<T>(fd: number, start: () => Promise<T>): Promise<T> {
  try {
    return start();
  } finally {
    loadAddon().closeFd(fd);
  }
}

/** Takes the descriptor over. */
function collect(fd: number, sizeMax: number, what: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const socket = new Socket({ fd, readable: true, writable: false });
    socket.on('data', (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > sizeMax) socket.destroy(new TsbuildError('machine', 'ANSWER_TOO_LARGE', `${what}: the answer has more than ${sizeMax} bytes`));
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(Buffer.concat(chunks)));
  });
}
