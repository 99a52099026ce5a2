/**
 * The sandbox process (addon/sandbox/server.cc) as seen from Node: started once per build, it carries out jobs, each in
 * a process of its own. This file sends requests and matches replies; it does not know what a job does.
 *
 * Life of a job: request sent, any number of frames (Started, Warning), Succeeded or Failed, and last Exited, which the
 * server writes when it has reaped the job's process. Only then does its promise settle: whatever the job used is free.
 * When Node dies, by whatever cause, its end of the socket closes, and the kernel ends the server with all jobs.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import { TsbuildError } from '../base/errors.ts';
import { findBinary, loadAddon, type Addon } from './addon.ts';
import { FrameReader } from './encoding.ts';
import { failureError, readFailure, type Failure } from './failure.ts';
import { FrameCutter, FrameType, type Frame } from './frames.ts';

export { FrameType } from './frames.ts';

/** The kinds of jobs; the numbers are those of addon/sandbox/job.h. */
export const JobKind = { Run: 1, Commit: 2, Apply: 3, Copy: 4, Scan: 5, Read: 6, Remove: 7, Extract: 8, Export: 9, Stop: 100 } as const;
export type JobKind = (typeof JobKind)[keyof typeof JobKind];

/** One piece of work for the sandbox process. */
export interface JobRequest {
  readonly kind: JobKind;
  readonly spec: Uint8Array;
  /** Descriptors that the job gets, in this order. */
  readonly fds?: readonly number[];
  readonly signal?: AbortSignal;
  /** Gets the job's Started and Warning frames. Must not throw. */
  readonly onFrame?: (type: FrameType, body: FrameReader) => void;
  /** Names the work in errors, e.g. `commit layer`. */
  readonly what: string;
}

export interface Helper {
  /**
   * Sends the job at once: the caller may close its copies of `fds` as soon as this returns the promise. Resolves with
   * the body of Succeeded (of a run: Exited). When `signal` aborts, the job is killed, and the promise rejects with the
   * signal's reason after the job was reaped.
   * @throws TsbuildError `SANDBOX_FAILED`, `DISK_FULL` with details {operation, index, syscall, errno, path, detail};
   *   `SANDBOX_DIED` when the whole process ended
   */
  request(job: JobRequest): Promise<FrameReader>;
  /** Ends the process and everything in it; resolves when it was reaped. */
  close(): Promise<void>;
}

export interface HelperOptions {
  /** The executable, where it is not the one of this package. */
  readonly executable?: string;
  /** Gets what the process prints, line by line; it prints only when something is very wrong. */
  readonly onWarning?: (line: string) => void;
}

/** The id of frames about the process itself. */
const serverId = 0;
const headerBytes = 6;

/**
 * Starts the sandbox process and resolves when it is ready. Start it early: Node's spawn is a fork, which costs 2 ms at
 * 50 MB and 60 ms at 1.6 GB. The caller must close it; until then it keeps Node alive.
 * @throws TsbuildError `SANDBOX_FAILED` when the kernel or the privileges do not allow it, `ADDON_MISSING`
 */
export async function startHelper(options: HelperOptions = {}): Promise<Helper> {
  const server = new Server(options);
  await server.ready;
  return server;
}

interface Pending {
  readonly job: JobRequest;
  readonly resolve: (body: FrameReader) => void;
  readonly reject: (reason: unknown) => void;
  readonly onAbort: () => void;
  succeeded?: FrameReader;
  failure?: Failure;
}

class Server implements Helper {
  readonly ready: Promise<void>;
  readonly #addon: Addon = loadAddon();
  readonly #requestFd: number;
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  readonly #cutter = new FrameCutter();
  readonly #ended: Promise<void>;
  #lastId = serverId;
  #printed = '';
  #state: 'starting' | 'open' | 'closing' | 'ended' = 'starting';
  #startFailure: Failure | undefined;
  #resolveReady!: () => void;
  #rejectReady!: (error: unknown) => void;

  constructor(options: HelperOptions) {
    this.ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    const executable = options.executable ?? findBinary('tsbuild-sandbox');
    const channel = this.#addon.createChannel();
    const reply = this.#addon.createPipe();
    this.#requestFd = channel.requestFd;
    try {
      this.#child = spawn(executable, [], {
        env: {},
        detached: true, // a session of its own: Ctrl-C is for us, and we stop it in order
        stdio: ['ignore', 'ignore', 'pipe', channel.childFd, reply.writeFd],
      });
    } finally {
      this.#addon.closeFd(channel.childFd);
      this.#addon.closeFd(reply.writeFd);
    }
    this.#ended = this.#watch(reply.readFd, options.onWarning);
  }

  request(job: JobRequest): Promise<FrameReader> {
    return new Promise((resolve, reject) => {
      if (this.#state !== 'open') throw this.#deathError(job.what);
      job.signal?.throwIfAborted();
      const id = (this.#lastId += 1);
      this.#send(id, job.kind, job.spec, job.fds ?? []);
      const onAbort = (): void => this.#stop(id);
      job.signal?.addEventListener('abort', onAbort, { once: true });
      this.#pending.set(id, { job, resolve, reject, onAbort });
    });
  }

  async close(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'closing';
      this.#addon.closeFd(this.#requestFd);
    }
    await this.#ended;
  }

  #send(id: number, kind: JobKind, spec: Uint8Array | null, fds: readonly number[]): void {
    const header = Buffer.alloc(headerBytes);
    header.writeUInt32LE(id);
    header.writeUInt16LE(kind, 4);
    if (spec === null) {
      this.#addon.sendRequest(this.#requestFd, header, fds);
      return;
    }
    const memfd = this.#addon.createMemfd(Buffer.from(spec.buffer, spec.byteOffset, spec.byteLength));
    try {
      this.#addon.sendRequest(this.#requestFd, header, [memfd, ...fds]);
    } finally {
      this.#addon.closeFd(memfd);
    }
  }

  #stop(id: number): void {
    if (this.#state === 'open') this.#send(id, JobKind.Stop, null, []);
  }

  /** Resolves when the process was reaped and the reply pipe has ended. */
  async #watch(replyFd: number, onWarning: ((line: string) => void) | undefined): Promise<void> {
    const replies = new Socket({ fd: replyFd, readable: true, writable: false });
    replies.on('data', (chunk: Buffer) => this.#cutter.push(chunk).forEach((frame) => this.#accept(frame)));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#printed = (this.#printed + text).slice(-2000);
      text.split('\n').filter((line) => line !== '').forEach((line) => onWarning?.(line));
    });
    const closed = new Promise<void>((resolve) => replies.once('close', resolve));
    const exited = new Promise<string>((resolve) => {
      this.#child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
      this.#child.once('error', (error) => resolve(error.message));
    });
    const end = await exited;
    await closed;
    this.#settleAll(end);
  }

  #accept(frame: Frame): void {
    if (frame.id === serverId) return this.#acceptOwn(frame);
    const pending = this.#pending.get(frame.id);
    if (pending === undefined) return;
    switch (frame.type) {
      case FrameType.Succeeded:
        pending.succeeded = frame.body;
        break;
      case FrameType.Failed:
        pending.failure ??= readFailure(frame.body);
        break;
      case FrameType.Exited:
        this.#settle(frame.id, pending, frame.body);
        break;
      case FrameType.Started:
      case FrameType.Warning:
        pending.job.onFrame?.(frame.type, frame.body);
        break;
    }
  }

  #acceptOwn(frame: Frame): void {
    if (frame.type === FrameType.Failed) this.#startFailure = readFailure(frame.body);
    if (frame.type !== FrameType.Started) return;
    this.#state = 'open';
    this.#resolveReady();
  }

  #settle(id: number, pending: Pending, exited: FrameReader): void {
    const { job } = pending;
    this.#pending.delete(id);
    job.signal?.removeEventListener('abort', pending.onAbort);
    if (job.signal?.aborted === true) pending.reject(job.signal.reason);
    else if (pending.failure !== undefined) pending.reject(failureError(job.what, pending.failure));
    else if (job.kind === JobKind.Run) pending.resolve(exited);
    else if (pending.succeeded !== undefined) pending.resolve(pending.succeeded);
    else pending.reject(silentDeath(job.what, exited));
  }

  #settleAll(end: string): void {
    if (this.#state === 'open') this.#addon.closeFd(this.#requestFd);
    if (this.#state === 'starting') {
      this.#addon.closeFd(this.#requestFd);
      this.#rejectReady(this.#startError(end));
    }
    this.#state = 'ended';
    for (const { job, reject, onAbort } of this.#pending.values()) {
      job.signal?.removeEventListener('abort', onAbort);
      reject(job.signal?.aborted === true ? job.signal.reason : this.#deathError(job.what, end));
    }
    this.#pending.clear();
  }

  #startError(end: string): TsbuildError {
    if (this.#startFailure === undefined) return this.#deathError('start sandbox process', end);
    const error = failureError('start', this.#startFailure);
    if (this.#startFailure.errno !== 'EPERM') return error;
    const hint = 'tsbuild needs root in its user namespace to make namespaces and mounts.';
    return new TsbuildError(error.errorClass, error.code, error.message, { hint, details: error.details });
  }

  #deathError(what: string, end?: string): TsbuildError {
    if (this.#state === 'closing' || (this.#state === 'ended' && end === undefined)) {
      return new TsbuildError('machine', 'SANDBOX_DIED', `${what}: the sandbox process has been closed`);
    }
    const printed = this.#printed.trim();
    return new TsbuildError('machine', 'SANDBOX_DIED', `${what}: the sandbox process ended unexpectedly: ${end ?? 'not ready'}${printed === '' ? '' : `: ${printed}`}`);
  }
}

/** A job that ended without a word was killed, by the kernel's out-of-memory killer or by somebody on this machine. */
function silentDeath(what: string, exited: FrameReader): TsbuildError {
  const exitCode = exited.u32();
  const signal = exited.u32();
  const end = signal === 0 ? `exit code ${exitCode}` : `signal ${signal}`;
  return new TsbuildError('machine', 'SANDBOX_FAILED', `${what}: its process ended without an answer (${end})`, {
    hint: signal === 9 ? 'It may have been killed because this machine ran out of memory.' : 'This is a bug in tsbuild. Please report it.',
    details: { exitCode, signal },
  });
}
