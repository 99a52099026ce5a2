/** Warns of what seldom belongs into a context; opens a suspect file to read its head, where the name alone proves nothing. */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, TsbuildError, unreachable } from '../base/errors.ts';
import { encodePath } from '../base/path-bytes.ts';
import type { Suspect } from '../context/listing.ts';
import { headSizeBytes, type SuspectKind } from '../context/suspects.ts';
import { unreadableError } from './unreadable.ts';

/** Something about one path of the context. */
export interface ContextWarning {
  readonly code: string;
  /** Empty for the whole context. */
  readonly path: string;
  /** Names the path and what to do. */
  readonly text: string;
}

/** A warning for each suspect that is what it seems. One that cannot be read is told as such: COPY could not read it either. */
export async function warnOfSuspects(root: string, suspects: readonly Suspect[], signal: AbortSignal): Promise<readonly ContextWarning[]> {
  const warnings: ContextWarning[] = [];
  for (const suspect of suspects) {
    signal.throwIfAborted();
    const warning = await examine(root, suspect);
    if (warning !== null) warnings.push(warning);
  }
  return warnings;
}

async function examine(root: string, suspect: Suspect): Promise<ContextWarning | null> {
  const { path, suspicion: { kind, proof } } = suspect;
  try {
    if (proof !== null && !proof.test(await readHead(root, suspect))) return null;
  } catch (cause) {
    const error = unreadableError(root, path, cause);
    if (!(error instanceof TsbuildError)) throw error;
    return { code: error.code, path, text: messageOf(error) };
  }
  return { ...describe(kind, path), path };
}

/** Empty where another file has taken its place, or a link in a directory above it leads elsewhere. */
async function readHead(root: string, { path, device, inode }: Suspect): Promise<string> {
  let file: FileHandle | null = null;
  try {
    file = await open(encodePath(join(root, path)), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY);
    const found = await file.stat({ bigint: true });
    if (!found.isFile() || found.dev !== device || found.ino !== inode) return '';
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headSizeBytes), 0, headSizeBytes, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await file?.close();
  }
}

function describe(kind: SuspectKind, path: string): { readonly code: string; readonly text: string } {
  switch (kind) {
    case 'git':
      return { code: 'CONTEXT_GIT', text: `${path}: the history of a repository; name it in the ignore file unless a step needs it` };
    case 'node-modules':
      return { code: 'CONTEXT_NODE_MODULES', text: `${path}: installed packages; name them in the ignore file if a step installs its own` };
    case 'private-key':
      return { code: 'CONTEXT_PRIVATE_KEY', text: `${path}: a private key; name it in the ignore file, and give it to RUN with --secret or --ssh` };
    case 'credentials':
      return { code: 'CONTEXT_CREDENTIALS', text: `${path}: it may hold credentials; name it in the ignore file, and give it to RUN with --secret` };
    case 'large-file':
      return { code: 'CONTEXT_LARGE_FILE', text: `${path}: a very large file; name it in the ignore file if no step needs it` };
    default:
      return unreachable(kind);
  }
}
