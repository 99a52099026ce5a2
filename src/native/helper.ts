/**
 * The sandbox process (addon/sandbox/server.cc) as the folders above see it: started once per build, it carries out
 * jobs, each in a process of its own. This file has the interface; `server.ts` talks to the process. Neither knows what
 * a job does.
 *
 * Life of a job: request sent, any number of frames (Started, Warning), Succeeded or Failed, and last Exited, which the
 * server writes when it has reaped the job's process. Only then does its promise settle: whatever the job used is free.
 * When Node dies, by whatever cause, its end of the socket closes, and the kernel ends the server with all jobs.
 */
import { TsbuildError } from '../base/errors.ts';
import type { FrameReader } from './encoding.ts';
import type { Isolation, IsolationChoice } from './isolation.ts';
import type { JobRequest } from './job.ts';
import { Server, type ServerOptions } from './server.ts';
import { findOwnNamespace, findUserNamespace, type UserNamespace } from './user-namespace.ts';

export { FrameType } from './frames.ts';
export { JobKind, type JobRequest } from './job.ts';
export type { ServerOptions as HelperOptions } from './server.ts';

export interface Helper {
  /** The user namespace that all jobs work in; null for root. */
  readonly userNamespace: UserNamespace | null;
  /** Whether jobs may mount anything, and steps have namespaces. */
  readonly isolation: Isolation;
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

/** How to start it; without a choice it is `default`. `namespaces` is that and nothing else. */
export type StartOptions = Omit<ServerOptions, 'userNamespace' | 'isolation'> & { readonly isolation?: IsolationChoice | Isolation };

/**
 * Starts the sandbox process and resolves when it is ready. Start it early: Node's spawn is a fork, which costs 2 ms at
 * 50 MB and 60 ms at 1.6 GB. The caller must close it; until then it keeps Node alive. Where root may make no namespaces, as
 * in a container without privileges, it is started without them; nobody but root can do with that.
 * @throws TsbuildError `SANDBOX_FAILED` when the kernel or the privileges do not allow it, `ADDON_MISSING`
 */
export async function startHelper({ isolation = 'default', ...options }: StartOptions = {}): Promise<Helper> {
  if (isolation === 'chroot') return startServer({ ...options, ...(await withoutNamespaces()) });
  try {
    return await startServer({ ...options, userNamespace: await findUserNamespace(), isolation: 'namespaces' });
  } catch (error) {
    if (isolation === 'namespaces' || process.geteuid?.() !== 0 || !isRefusal(error)) throw error;
    return startServer({ ...options, ...(await withoutNamespaces()) });
  }
}

async function startServer(options: ServerOptions): Promise<Helper> {
  const server = new Server(options);
  await server.ready;
  return server;
}

async function withoutNamespaces(): Promise<Pick<ServerOptions, 'userNamespace' | 'isolation'>> {
  return { userNamespace: await findOwnNamespace(), isolation: 'chroot' };
}

/** EINVAL: a kernel without a kind of namespaces; ENOSYS: a filter that hides a call. */
const refusals: readonly unknown[] = ['EPERM', 'EACCES', 'ENOSPC', 'EUSERS', 'EINVAL', 'ENOSYS'];

function isRefusal(error: unknown): boolean {
  return error instanceof TsbuildError && error.code === 'SANDBOX_FAILED' && refusals.includes(error.details['errno']);
}
