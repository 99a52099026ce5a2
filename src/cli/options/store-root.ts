/** Where the store is, for whom (DESIGN.md, section 7). */
import { join, resolve } from 'node:path';
import type { Environment } from './pairs.ts';

/** Who runs tsbuild, and where. */
export interface User {
  readonly uid: number;
  readonly workingDirectory: string;
}

/**
 * `--store`, else `$TSBUILD_ROOT`, else `/var/lib/tsbuild` for root and `$XDG_DATA_HOME/tsbuild` (by default
 * `~/.local/share/tsbuild`) for others. Always absolute. A relative XDG_DATA_HOME is ignored, as its specification says.
 */
export function resolveStoreRoot(option: string | undefined, env: Environment, user: User): string {
  const given = option ?? (env['TSBUILD_ROOT'] === '' ? undefined : env['TSBUILD_ROOT']);
  if (given !== undefined) return resolve(user.workingDirectory, given);
  if (user.uid === 0) return '/var/lib/tsbuild';
  const data = env['XDG_DATA_HOME'];
  if (data?.startsWith('/') === true) return join(data, 'tsbuild');
  return resolve(user.workingDirectory, env['HOME'] ?? '.', '.local/share/tsbuild');
}
