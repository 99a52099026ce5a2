/**
 * Runs one RUN step in its sandbox and hands out what it prints. It plans with `plan.ts` and leaves the work to the
 * sandbox process; it knows nothing of snapshots, caches or Dockerfiles. Start at `runStep`.
 */
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { TsbuildError } from '../base/errors.ts';
import { loadAddon } from '../native/addon.ts';
import type { FrameReader } from '../native/encoding.ts';
import { FrameType, JobKind, type Helper } from '../native/helper.ts';
import { explainChrootFailure } from './chroot-failure.ts';
import { encodeOperations } from './encode.ts';
import { explainMountFailure } from './mount-failure.ts';
import type { Operation } from './operation.ts';
import { planStep } from './plan.ts';
import type { StepResult, StepSpec, Stub } from './step.ts';

/** Where the words of a step go. */
export interface StepIo {
  /** Gets every byte, in order within each stream; the step is held back while a returned promise is pending. */
  onOutput(stream: 'stdout' | 'stderr', chunk: Buffer): void | Promise<void>;
  /** Gets one line for people, such as a limit that this machine does not allow. */
  onWarning?(line: string): void;
  readonly signal?: AbortSignal;
}

/** What a shell answers for a command that is missing, and for one that cannot be executed. */
const exitCodeMissing = 127;
const exitCodeDenied = 126;

/**
 * Runs a step to its end: the command has exited, every process that it left behind is dead, its mounts are gone and all
 * its output was handed out. A command that cannot be executed ends it with 127 or 126 and a line on stderr.
 * @throws TsbuildError `SANDBOX_FAILED` with the operation that failed, `MOUNT_SOURCE_MISSING`, `MOUNT_TARGET`, `DISK_FULL`, `LAYERS_TOO_MANY`; the signal's
 *   reason when it aborts, or what `onOutput` threw, after everything was killed
 */
export async function runStep(helper: Helper, spec: StepSpec, io: StepIo): Promise<StepResult> {
  const stubs: Stub[] = [];
  const receiver = new AbortController(); // aborts when the receiver of the output throws
  const operations = planStep(spec);
  const encoded = encodeOperations(operations);
  const output = openPipes();
  const exited = helper.request({
    kind: JobKind.Run,
    spec: encoded,
    fds: [output.stdout.writeFd, output.stderr.writeFd],
    what: 'run step',
    signal: io.signal === undefined ? receiver.signal : AbortSignal.any([io.signal, receiver.signal]),
    onFrame: (type, body) => {
      if (type === FrameType.Started) stubs.push(...readStubs(body));
      if (type === FrameType.Warning) io.onWarning?.(body.string());
    },
  });
  closeWriteEnds(output);
  const drainTo = (stream: 'stdout' | 'stderr'): Promise<void> =>
    drain(output[stream].readFd, (chunk) => io.onOutput(stream, chunk)).catch((error: unknown) => receiver.abort(error));
  const [end] = await Promise.allSettled([exited, drainTo('stdout'), drainTo('stderr')]);
  receiver.signal.throwIfAborted();
  if (end.status === 'fulfilled') return readResult(end.value, stubs);
  if (!(end.reason instanceof TsbuildError)) throw end.reason;
  if (end.reason.details['syscall'] !== 'execve') throw explain(end.reason, operations, spec);
  return await resultOfExecFailure(end.reason, stubs, io);
}

function explain(reason: TsbuildError, operations: readonly Operation[], { isolation, mounts }: StepSpec): TsbuildError {
  const explained = explainMountFailure(reason, operations, mounts);
  return isolation === 'chroot' && explained === reason ? explainChrootFailure(reason, operations) : explained;
}

interface OutputPipes {
  readonly stdout: { readonly readFd: number; readonly writeFd: number };
  readonly stderr: { readonly readFd: number; readonly writeFd: number };
}

/** Real pipes, which the step can open again as /dev/stdout; those of Node's child processes are sockets. */
function openPipes(): OutputPipes {
  const addon = loadAddon();
  const stdout = addon.createPipe();
  try {
    return { stdout, stderr: addon.createPipe() };
  } catch (error) {
    addon.closeFd(stdout.readFd);
    addon.closeFd(stdout.writeFd);
    throw error;
  }
}

/** Ours must not keep the pipes open when the step's are gone. */
function closeWriteEnds(output: OutputPipes): void {
  const addon = loadAddon();
  addon.closeFd(output.stdout.writeFd);
  addon.closeFd(output.stderr.writeFd);
}

/** Reads a pipe to its end, or until the receiver throws. */
async function drain(readFd: number, onChunk: (chunk: Buffer) => void | Promise<void>): Promise<void> {
  const socket = new Socket({ fd: readFd, readable: true, writable: false });
  for await (const chunk of socket as AsyncIterable<Buffer>) await onChunk(chunk);
}

function readStubs(body: FrameReader): Stub[] {
  return Array.from({ length: body.u32() }, () => {
    const kind = body.u8() === 1 ? 'directory' : 'file';
    return { kind, path: body.string() };
  });
}

function readResult(body: FrameReader, stubs: readonly Stub[]): StepResult {
  const exitCode = body.u32();
  const signal = body.u32();
  const usage = { userMs: Number(body.u64()) / 1000, systemMs: Number(body.u64()) / 1000, peakMemoryBytes: Number(body.u64()), readBytes: Number(body.u64()), writtenBytes: Number(body.u64()) };
  return signal === 0 ? { exitCode, signal: null, usage, stubs } : { exitCode: null, signal: signalName(signal), usage, stubs };
}

function signalName(signal: number): string {
  return Object.entries(constants.signals).find(([, value]) => value === signal)?.[0] ?? `signal ${signal}`;
}

/** A command that cannot be executed is the Dockerfile's failure, not that of the sandbox. */
async function resultOfExecFailure(reason: TsbuildError, stubs: readonly Stub[], io: StepIo): Promise<StepResult> {
  const command = String(reason.details['path']);
  const errno = String(reason.details['errno']);
  await io.onOutput('stderr', Buffer.from(`exec: ${JSON.stringify(command)}: ${describeExecError(command, errno)}\n`));
  const exitCode = errno === 'ENOENT' ? exitCodeMissing : exitCodeDenied;
  return { exitCode, signal: null, execErrno: errno, usage: { userMs: 0, systemMs: 0 }, stubs };
}

/** In the words of runc, which people look for. */
function describeExecError(command: string, errno: string): string {
  switch (errno) {
    case 'ENOENT':
      return command.includes('/') ? 'no such file or directory' : 'executable file not found in $PATH';
    case 'EACCES':
      return 'permission denied';
    case 'ENOEXEC':
      return 'exec format error';
    default:
      return errno;
  }
}
