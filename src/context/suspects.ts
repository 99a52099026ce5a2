/**
 * What seldom belongs into a context: history, installed packages, keys, credentials, very large files. It goes by names
 * and sizes, and says what a file's head must hold where the name alone proves nothing. It reads nothing itself.
 */
import type { EntryType } from '../native/directory.ts';

export type SuspectKind = 'git' | 'node-modules' | 'private-key' | 'credentials' | 'large-file';

export interface Suspicion {
  readonly kind: SuspectKind;
  /** What the first `headSizeBytes` of the file, as Latin-1, must match; null where its name says enough. */
  readonly proof: RegExp | null;
}

/** So much of a file is read to prove a suspicion. */
export const headSizeBytes = 8192;
/** Files from this size on are told. */
export const largeFileSizeBytes = 100_000_000;

// RFC 7468 and OpenSSH's format: RSA, EC, ENCRYPTED, OPENSSH or nothing before the words.
const privateKey: Suspicion = { kind: 'private-key', proof: /-----BEGIN [A-Z ]*PRIVATE KEY-----/ };
const certainKey: Suspicion = { kind: 'private-key', proof: null };
const certainCredentials: Suspicion = { kind: 'credentials', proof: null };
const large: Suspicion = { kind: 'large-file', proof: null };

/** By the last name of the path. */
const namedFiles: ReadonlyMap<string, Suspicion> = new Map<string, Suspicion>([
  ...['id_rsa', 'id_dsa', 'id_ecdsa', 'id_ed25519'].map((name) => [name, certainKey] as const),
  ...['.env', '.env.local', '.netrc', '_netrc', '.git-credentials'].map((name) => [name, certainCredentials] as const),
  ['.npmrc', { kind: 'credentials', proof: /_(?:authToken|auth|password)\s*=/ }],
]);

/** By the last two names: one of them alone says nothing. */
const placedFiles: readonly (readonly [path: string, suspicion: Suspicion])[] = [
  ['.aws/credentials', certainCredentials],
  // A list of hosts alone is no secret: with a credential helper that is all there is.
  ['.docker/config.json', { kind: 'credentials', proof: /"(?:auth|identitytoken|registrytoken|password)"\s*:/ }],
];

const suspectDirectories: ReadonlyMap<string, Suspicion> = new Map<string, Suspicion>([
  ['.git', { kind: 'git', proof: null }],
  ['node_modules', { kind: 'node-modules', proof: null }],
]);

/** What is to be said of a directory with this name. */
export function suspectDirectory(name: string): Suspicion | null {
  return suspectDirectories.get(name) ?? null;
}

/** What is to be said, or found out, of an entry that is no directory. */
export function suspectFile(path: string, { name, type, sizeBytes }: { readonly name: string; readonly type: EntryType; readonly sizeBytes: number }): readonly Suspicion[] {
  if (type !== 'file') return [];
  const byName = namedFiles.get(name) ?? placedFiles.find(([place]) => path === place || path.endsWith(`/${place}`))?.[1] ?? (/\.(?:pem|key)$/i.test(name) ? privateKey : null);
  return [...(byName === null ? [] : [byName]), ...(sizeBytes >= largeFileSizeBytes ? [large] : [])];
}
