/**
 * What the user lets steps use: secrets from files, variables and the caller's memory, and agents. A value is read when a
 * step needs it and is kept nowhere; whether it is there is looked at before the build, as the clients of BuildKit do.
 */
import { open, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { errnoCode, messageOf, TsbuildError } from '../base/errors.ts';
import { releasing } from '../base/releasing.ts';
import type { BuildRequest, SecretSource, SshSource } from './build-request.ts';

/** As with BuildKit. */
export const secretSizeMax = 500 * 1024;

/** What a build may use of what the user has. */
export interface SecretProvider {
  /**
   * Looks whether everything is there that was offered, without reading a value. Returns sentences about what is
   * probably not meant.
   * @throws TsbuildError `SECRET_UNREADABLE`, `SECRET_TOO_LARGE`, `SSH_INVALID`
   */
  check(): Promise<readonly string[]>;
  /** The value, or null where the user gave no secret of this name. At most one byte longer than `secretSizeMax`. */
  secret(id: string): Promise<Uint8Array | null>;
  /** The paths of an agent's socket or of key files on this machine, or null where the user gave none of this name. */
  agent(id: string): readonly string[] | null;
}

export interface SecretProviderOptions {
  /** For secrets from variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What paths are relative to. */
  readonly workingDirectory: string;
  /** Values by id; they count before the sources of the request. */
  readonly values?: ReadonlyMap<string, Uint8Array>;
}

/** Of several secrets with one id the last counts. */
export function createSecretProvider({ secrets, ssh }: Pick<BuildRequest, 'secrets' | 'ssh'>, options: SecretProviderOptions): SecretProvider {
  const pathOf = (path: string): string => resolve(options.workingDirectory, path);
  return {
    check: async () => {
      await checkAgents(ssh, pathOf);
      for (const source of secrets) if (source.from === 'file') await checkFile(source.id, pathOf(source.path), source.path);
      return secrets.flatMap((source) => unsetVariable(source, options));
    },
    secret: async (id) => {
      const given = options.values?.get(id);
      if (given !== undefined) return given;
      const source = secrets.findLast((secret) => secret.id === id);
      if (source === undefined) return null;
      if (source.from === 'env') return Buffer.from(options.env[source.variable] ?? '');
      return readSecret(id, pathOf(source.path), source.path);
    },
    agent: (id) => ssh.find((source) => source.id === id)?.paths.map(pathOf) ?? null,
  };
}

async function checkAgents(agents: readonly SshSource[], pathOf: (path: string) => string): Promise<void> {
  for (const [index, { id, paths }] of agents.entries()) {
    if (agents.findIndex((other) => other.id === id) !== index) {
      throw new TsbuildError('usage', 'SSH_INVALID', `--ssh ${id}: given twice`, { hint: 'Give each its own id: --ssh ID=SOCKET|KEY.' });
    }
    for (const path of paths) {
      await stat(pathOf(path)).catch((cause: unknown) => {
        throw new TsbuildError('usage', 'SSH_INVALID', `--ssh ${id}=${path}: ${reasonOf(cause)}`, { hint: 'Give the socket of a running agent, or a private key.', cause });
      });
    }
  }
}

async function checkFile(id: string, path: string, shown: string): Promise<void> {
  const found = await stat(path).catch((cause: unknown) => {
    throw unreadable(id, shown, cause);
  });
  if (found.isDirectory()) throw unreadable(id, shown, new Error('is a directory'));
  if (found.size > secretSizeMax) throw secretTooLarge(id);
}

/** BuildKit gives the step an empty value without a word. */
function unsetVariable(source: SecretSource, { env, values }: SecretProviderOptions): readonly string[] {
  if (source.from !== 'env' || env[source.variable] !== undefined || values?.has(source.id) === true) return [];
  return [`secret ${source.id}: the variable ${source.variable} is not set, steps get an empty value`];
}

/** No more than is needed to see that it is too long: the file may be endless. */
async function readSecret(id: string, path: string, shown: string): Promise<Uint8Array> {
  const file = await open(path).catch((cause: unknown) => {
    throw unreadable(id, shown, cause);
  });
  const read = async (): Promise<Uint8Array> => {
    const bytes = Buffer.alloc(secretSizeMax + 1);
    let size = 0;
    for (;;) {
      const { bytesRead } = await file.read(bytes, size, bytes.length - size, null);
      if (bytesRead === 0) return bytes.subarray(0, size);
      size += bytesRead;
    }
  };
  return releasing(read, () => file.close());
}

const reasons: Readonly<Record<string, string>> = { ENOENT: 'no such file or directory', EACCES: 'permission denied' };

function reasonOf(cause: unknown): string {
  return reasons[errnoCode(cause) ?? ''] ?? messageOf(cause);
}

function unreadable(id: string, path: string, cause: unknown): TsbuildError {
  return new TsbuildError('usage', 'SECRET_UNREADABLE', `secret ${id}: ${path}: ${reasonOf(cause)}`, {
    hint: `Give a file with --secret id=${id},src=FILE, or a variable that is set with --secret id=${id},env=NAME.`,
    cause,
  });
}

/** The error for a value that is longer than `secretSizeMax`. */
export function secretTooLarge(id: string): TsbuildError {
  return new TsbuildError('usage', 'SECRET_TOO_LARGE', `secret ${id}: it has more than ${secretSizeMax} bytes`, {
    hint: 'Give large files with --build-context and --mount=type=bind.',
  });
}
