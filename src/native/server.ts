/**
 * Talks to the sandbox process: sends requests over its socket, matches the frames of its reply pipe to them, and
 * notices its end. See `helper.ts` for the life of a job.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import { errnoCode, messageOf, TsbuildError } from '../base/errors.ts';
import { findBinary, loadAddon, type Addon } from './addon.ts';
import type { FrameReader } from './encoding.ts';
import { failureError, readFailure, silentDeathError, startFailureError, type Failure } from './failure.ts';
import { FrameCutter, FrameType, type Frame } from './frames.ts';
import { JobKind, type JobRequest } from './job.ts';
import type { Isolation } from './isolation.ts';
import { userNamespaceArguments, type UserNamespace } from './user-namespace.ts';

/** How to start the sandbox process. */
export interface ServerOptions {
  /** The executable, where it is not the one of this package. */
  readonly executable?: string;
  /** Gets what the process prints, line by line; it prints only when something is very wrong. */
  readonly onWarning?: (line: string) => void;
  /** To be entered or, where inherited, to be in. */
  readonly userNamespace: UserNamespace | null;
  readonly isolation: Isolation;
}

/** The id of frames about the process itself. */
const serverId = 0;
const headerBytes = 6;

function encodeHeader(id: number, kind: JobKind): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32LE(id);
  header.writeUInt16LE(kind, 4);
  return header;
}

interface Pending {
  readonly job: JobRequest;
  readonly resolve: (body: FrameReader) => void;
  readonly reject: (reason: unknown) => void;
  readonly onAbort: () => void;
  succeeded?: FrameReader;
  failure?: Failure;
}

/** One running sandbox process; a `Helper`. `ready` settles before anything can be requested. */
export class Server {
  readonly ready: Promise<void>;
  readonly userNamespace: UserNamespace | null;
  readonly isolation: Isolation;
  readonly #addon: Addon = loadAddon();
  readonly #requestFd: number;
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  readonly #cutter = new FrameCutter();
  readonly #ended: Promise<void>;
  #lastId = serverId;
  #isSending = true;
  #printed = '';
  /** How the process ended although nobody closed it. */
  #death: string | undefined;
  #state: 'starting' | 'open' | 'closing' | 'ended' = 'starting';
  #startFailure: Failure | undefined;
  #resolveReady!: () => void;
  #rejectReady!: (error: unknown) => void;

  constructor(options: ServerOptions) {
    this.userNamespace = options.userNamespace;
    this.isolation = options.isolation;
    this.ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    const executable = options.executable ?? findBinary('tsbuild-sandbox');
    const channel = this.#addon.createChannel();
    const reply = this.#addon.createPipe();
    this.#requestFd = channel.requestFd;
    try {
      this.#child = spawn(executable, options.isolation === 'chroot' ? ['chroot'] : userNamespaceArguments(options.userNamespace), {
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
      this.#send(id, job);
      const onAbort = (): void => this.#stop(id);
      job.signal?.addEventListener('abort', onAbort, { once: true });
      this.#pending.set(id, { job, resolve, reject, onAbort });
    });
  }

  async close(): Promise<void> {
    this.#hangUp();
    await this.#ended;
  }

  #hangUp(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#endRequests();
  }

  /** The process ends when it reads the end of requests, also while it starts. */
  #endRequests(): void {
    if (!this.#isSending) return;
    this.#isSending = false;
    this.#addon.closeFd(this.#requestFd);
  }

  /** A pipe from the process that cannot be read any more: nothing that it does would be known. */
  #loseContact(error: Error): void {
    this.#death ??= `its answers cannot be read: ${error.message}`;
    this.#hangUp();
    this.#endRequests();
  }

  #send(id: number, job: JobRequest): void {
    const { spec, fds = [] } = job;
    const memfd = this.#addon.createMemfd(Buffer.from(spec.buffer, spec.byteOffset, spec.byteLength));
    try {
      this.#addon.sendRequest(this.#requestFd, encodeHeader(id, job.kind), [memfd, ...fds]);
    } catch (cause) {
      throw new TsbuildError('machine', 'SANDBOX_FAILED', `${job.what}: cannot reach the sandbox process: ${messageOf(cause)}`, { cause });
    } finally {
      this.#addon.closeFd(memfd);
    }
  }

  /** If the process is dead already, its exit is on its way to us and settles the job. */
  #stop(id: number): void {
    if (this.#state !== 'open') return;
    try {
      this.#addon.sendRequest(this.#requestFd, encodeHeader(id, JobKind.Stop), []);
    } catch (error) {
      if (errnoCode(error) !== 'EPIPE') throw error;
    }
  }

  /** Resolves when the process was reaped and the reply pipe has ended. */
  async #watch(replyFd: number, onWarning: ((line: string) => void) | undefined): Promise<void> {
    const replies = new Socket({ fd: replyFd, readable: true, writable: false });
    replies.on('error', (error) => { this.#loseContact(error); });
    this.#child.stderr?.on('error', (error) => { this.#loseContact(error); });
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
    else if (pending.failure !== undefined) pending.reject(failureError(job.what, pending.failure, this.userNamespace));
    else if (job.kind === JobKind.Run) pending.resolve(exited);
    else if (pending.succeeded !== undefined) pending.resolve(pending.succeeded);
    else pending.reject(silentDeathError(job.what, exited));
  }

  #settleAll(end: string): void {
    if (this.#state !== 'closing') this.#death ??= end;
    this.#endRequests();
    if (this.#state === 'starting') this.#rejectReady(this.#startError());
    this.#state = 'ended';
    for (const { job, reject, onAbort } of this.#pending.values()) {
      job.signal?.removeEventListener('abort', onAbort);
      reject(job.signal?.aborted === true ? job.signal.reason : this.#deathError(job.what));
    }
    this.#pending.clear();
  }

  #startError(): TsbuildError {
    return this.#startFailure === undefined ? this.#deathError('start sandbox process') : startFailureError(this.#startFailure);
  }

  #deathError(what: string): TsbuildError {
    if (this.#death === undefined) return new TsbuildError('machine', 'SANDBOX_DIED', `${what}: the sandbox process has been closed`);
    const printed = this.#printed.trim();
    const message = `${what}: the sandbox process ended unexpectedly: ${this.#death}`;
    return new TsbuildError('machine', 'SANDBOX_DIED', printed === '' ? message : `${message}: ${printed}`);
  }
}
