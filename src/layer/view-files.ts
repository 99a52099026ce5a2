/** Looks into a merged tree: lists, reads and stats paths, links followed inside its root (addon/sandbox/scan.cc, read.cc). */
import { decodePath, encodePath } from '../base/path-bytes.ts';
import { invariant, TsbuildError } from '../base/errors.ts';
import { readEntryRecord, type DirectoryEntry } from '../native/directory.ts';
import { FrameReader, SpecWriter } from '../native/encoding.ts';
import { JobKind, type Helper } from '../native/helper.ts';
import { writeViewSpec, type ViewSpec } from '../native/view.ts';
import { collectFromJob } from './job-stream.ts';

/** What one source pattern matched. */
export interface ScanMatch {
  /** Index into the patterns. */
  readonly pattern: number;
  /** Path from the root, without a leading slash, as the pattern matched it. */
  readonly path: string;
  /** The same with links followed: where the content is. */
  readonly realPath: string;
  /** The match itself; its name is empty. */
  readonly entry: DirectoryEntry;
  /** Everything below it, parents first, in byte order of each directory; names are paths below the match. */
  readonly children: readonly DirectoryEntry[];
}

const scanSizeMax = 4 * 1024 ** 3;
const scanTag = { end: 0, match: 1, child: 2 } as const;

/**
 * Finds what COPY --from would copy. Patterns are those of Go's filepath.Match; `..` stops at the root. A pattern that
 * matches nothing has no match here. `only` names directories, one in the other, that alone are looked into below a match.
 * @throws TsbuildError `SANDBOX_FAILED`, `NAME_IMPOSSIBLE` for a malformed pattern
 */
export async function scanView(
  helper: Helper,
  options: { readonly view: ViewSpec; readonly patterns: readonly string[]; readonly only?: readonly string[] },
  signal?: AbortSignal,
): Promise<readonly ScanMatch[]> {
  const spec = new SpecWriter();
  writeViewSpec(spec, options.view);
  spec.boolean(helper.userNamespace !== null).strings(options.patterns.map(encodePath)).strings((options.only ?? []).map(encodePath));
  const { moved } = await collectFromJob(helper, { kind: JobKind.Scan, spec: spec.finish(), what: 'scan', ...withSignal(signal) }, scanSizeMax);
  return decodeScan(new FrameReader(moved));
}

function decodeScan(from: FrameReader): ScanMatch[] {
  const matches: (ScanMatch & { readonly children: DirectoryEntry[] })[] = [];
  for (;;) {
    const tag = from.u8();
    if (tag === scanTag.end) return matches;
    if (tag === scanTag.match) {
      const [pattern, path, realPath] = [from.u32(), decodePath(from.bytes()), decodePath(from.bytes())];
      matches.push({ pattern, path, realPath, entry: readEntryRecord(from), children: [] });
    } else {
      const last = matches.at(-1);
      invariant(tag === scanTag.child && last !== undefined, 'the scan job sent an unknown record');
      last.children.push(readEntryRecord(from));
    }
  }
}

/**
 * The content of a regular file, or null if nothing is at the path or it is no regular file.
 * @throws TsbuildError `FILE_TOO_LARGE`, `SANDBOX_FAILED`
 */
export async function readFileInView(
  helper: Helper,
  options: { readonly view: ViewSpec; readonly path: string; readonly sizeBytesMax: number },
  signal?: AbortSignal,
): Promise<Buffer | null> {
  const spec = new SpecWriter();
  writeViewSpec(spec, options.view);
  spec.boolean(helper.userNamespace !== null).u8(0).bytes(encodePath(options.path)).u64(options.sizeBytesMax);
  const what = `read ${options.path}`;
  try {
    const { moved } = await collectFromJob(helper, { kind: JobKind.Read, spec: spec.finish(), what, ...withSignal(signal) }, options.sizeBytesMax);
    return moved;
  } catch (error) {
    const errno = error instanceof TsbuildError ? error.details['errno'] : undefined;
    // No such file, a file in the middle of the path, a directory or device at its end, a loop of links: no file.
    if (errno === 'ENOENT' || errno === 'ENOTDIR' || errno === 'EINVAL' || errno === 'ELOOP') return null;
    if (errno !== 'EFBIG') throw error;
    throw new TsbuildError('step', 'FILE_TOO_LARGE', `${what}: it has more than ${options.sizeBytesMax} bytes`, { cause: error });
  }
}

/** Where a path leads in a view. */
export type ViewStat =
  | { readonly exists: true; readonly realPath: string; readonly entry: DirectoryEntry }
  /** `realPath` is where `mkdir -p` would make it; empty if a file or a loop of links is in the way. */
  | { readonly exists: false; readonly realPath: string };

const statSizeMax = 64 * 1024 ** 2;

/** What stands at the paths, links followed (also at their end), in their order; real paths start with `/`. */
export async function statInView(
  helper: Helper,
  options: { readonly view: ViewSpec; readonly paths: readonly string[] },
  signal?: AbortSignal,
): Promise<readonly ViewStat[]> {
  const spec = new SpecWriter();
  writeViewSpec(spec, options.view);
  spec.boolean(helper.userNamespace !== null).u8(1).strings(options.paths.map(encodePath));
  const job = { kind: JobKind.Read, spec: spec.finish(), what: `stat ${options.paths.join(', ')}`, ...withSignal(signal) };
  const from = new FrameReader((await collectFromJob(helper, job, statSizeMax)).moved);
  return options.paths.map(() => {
    const exists = from.u8() === 1;
    const realPath = decodePath(from.bytes());
    return exists ? { exists, realPath, entry: readEntryRecord(from) } : { exists, realPath };
  });
}

function withSignal(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
