/**
 * What the command line asks of the rest of tsbuild: one interface, plain data in, plain data out.
 * Nothing is done here; `wiring.ts` implements it over the folders below, tests implement it with fakes.
 * Start at `Commands`; the biggest request is in `build-request.ts`.
 */
import type { JsonValue } from '../base/canonical.ts';
import type { EventSink, StepEnd } from '../base/events.ts';
import type { CheckedFile, CheckReport } from '../build/check.ts';
import type { Facts } from '../build/doctor/facts.ts';
import type { DoctorReport } from '../build/doctor/judge.ts';
import type { StoreUse } from '../build/prune/describe-use.ts';
import type { PruneReport } from '../build/prune/prune.ts';
import type { VerifyReport } from '../build/prune/verify-store.ts';
import type { ContextReport, ContextRequest } from '../build/list-context.ts';
import type { ParseDocument } from '../dockerfile/parse-document.ts';
import type { Outline } from '../graph/describe/outline.ts';
import type { TargetDescription } from '../graph/describe/targets.ts';
import type { BuildRequest } from './build-request.ts';
import type { PruneChoice } from './options/prune.ts';

export type { PruneChoice, PruneReport, StoreUse, VerifyReport };

/** What a finished build made. */
export interface BuildSummary {
  /** The digest of the image's config; absent where the outputs hold no image (`type=local`). */
  readonly imageID?: string;
  /** The digest of the manifest, or of the index of a build for several platforms. */
  readonly manifestDigest?: string;
  /** The names the image got, normalised. */
  readonly names: readonly string[];
  readonly outputs: readonly BuiltOutput[];
  readonly durationMs: number;
  readonly stepsTotal: number;
  readonly stepsCached: number;
}

export interface BuiltOutput {
  /** `oci`, `docker`, `tar`, `local` … */
  readonly type: string;
  /** A path, or `-` for standard output. */
  readonly dest?: string;
}

/** The forms in which `tsbuild graph` prints. */
export const graphFormats = ['json', 'dot', 'mermaid'] as const;
export type GraphFormat = (typeof graphFormats)[number];

/** One line of `tsbuild images`. */
export interface ImageRow {
  readonly name: string;
  readonly imageID: string;
  readonly manifestDigest: string;
  /** RFC 3339. */
  readonly created?: string;
  /** Of all layers, uncompressed. */
  readonly sizeBytes: number;
  /** `linux/amd64`; several for an index. */
  readonly platforms: readonly string[];
}

/** One line of `tsbuild history`, newest first, as in `docker history`. */
export interface HistoryRow {
  readonly created?: string;
  readonly createdBy: string;
  readonly comment?: string;
  /** Uncompressed size of the layer, 0 for an entry without one. */
  readonly sizeBytes: number;
  readonly diffID?: string;
}

/** The archive formats of `tsbuild save`. */
export const archiveFormats = ['oci', 'docker'] as const;
export type ArchiveFormat = (typeof archiveFormats)[number];

export interface InspectRequest {
  readonly names: readonly string[];
  /** Null: all platforms. */
  readonly platform: string | null;
}

export interface HistoryRequest {
  readonly name: string;
  /** Null: this machine's, or else the first. */
  readonly platform: string | null;
}

export interface SaveRequest {
  readonly names: readonly string[];
  /** Null: all, or in a Docker archive this machine's. */
  readonly platform: string | null;
  /** A path, or `-` for standard output. */
  readonly output: string;
  readonly format: ArchiveFormat;
}

/** Which log: of the step with this number or name in the last build, or of the last step that failed, else ran. */
export type LogRequest = { readonly which: 'step'; readonly step: string } | { readonly which: 'last' };

/** The ways in which a Dockerfile can be looked at instead of built: docker's words for `--call`. */
export const callMethods = ['check', 'outline', 'targets'] as const;
export type CallMethod = (typeof callMethods)[number];

/** Every command but `build` and `graph` needs only to know where the store is. */
export interface StoreRequest {
  /** Absolute. Made on demand. */
  readonly storeRoot: string;
  readonly signal: AbortSignal;
}

/**
 * The commands. Each rejects with a TsbuildError, and soon after `signal` is aborted with the signal's reason;
 * by then it has released everything that it acquired. Only data that a person may see comes back.
 */
export interface Commands {
  /**
   * Builds, writes the outputs, `--iidfile` and `--metadata-file`. A failing step is told by `step-failed` and by a
   * rejection with class `step`, whose position is the instruction's.
   */
  build(request: BuildRequest, sink: EventSink, signal: AbortSignal): Promise<BuildSummary>;
  /** Checks the Dockerfile of a build. A mistake in it is part of the report. */
  check(request: BuildRequest, signal: AbortSignal): Promise<CheckReport>;
  /** What the build of a target can be given. */
  outline(request: BuildRequest, signal: AbortSignal): Promise<{ readonly file: CheckedFile; readonly outline: Outline }>;
  /** The stages that can be built. */
  targets(request: BuildRequest, signal: AbortSignal): Promise<{ readonly file: CheckedFile; readonly targets: readonly TargetDescription[] }>;
  /** What the parser reads in a Dockerfile: a path relative to the working directory, or `-` for standard input. */
  parse(file: string): Promise<ParseDocument>;
  /** What COPY could see of a context, what it could not, and why. */
  context(request: ContextRequest, signal: AbortSignal): Promise<ContextReport>;
  /** What this machine can do. */
  doctor(terminal: Facts['terminal'], store: StoreRequest): Promise<DoctorReport>;
  /** The graph of the build, printed. */
  graph(request: BuildRequest, format: GraphFormat, signal: AbortSignal): Promise<string>;
  /** All images of the store, sorted by name. */
  images(store: StoreRequest): Promise<readonly ImageRow[]>;
  /** One JSON object a name and platform, in the order of the names, shaped like `docker image inspect`. */
  inspect(request: InspectRequest, store: StoreRequest): Promise<readonly JsonValue[]>;
  history(request: HistoryRequest, store: StoreRequest): Promise<readonly HistoryRow[]>;
  /** Gives the image more names; returns them normalised. */
  tag(source: string, targets: readonly string[], store: StoreRequest): Promise<readonly string[]>;
  /** Removes names, all or none; returns them normalised. Blobs go with garbage collection. */
  remove(names: readonly string[], store: StoreRequest): Promise<readonly string[]>;
  /** What the store holds. */
  diskUse(store: StoreRequest): Promise<StoreUse>;
  /** Removes what nobody needs; returns what went. */
  prune(choice: PruneChoice, store: StoreRequest): Promise<PruneReport>;
  /** Checks all that is in the store; with `repair` takes away what is broken. */
  verifyStore(request: { readonly repair: boolean }, store: StoreRequest): Promise<VerifyReport>;
  save(request: SaveRequest, store: StoreRequest): Promise<void>;
  /** Reads an archive from a path or `-`; returns the names that it brought, or digests where it had none. */
  load(input: string, store: StoreRequest): Promise<readonly string[]>;
  /** The whole log, as it was written. */
  logs(request: LogRequest, store: StoreRequest): AsyncIterable<Uint8Array>;
  /** How the step of that log ended, and what it used; null where it was interrupted. */
  stepEnd(request: LogRequest, store: StoreRequest): Promise<StepEnd | null>;
  /**
   * The text of a Dockerfile that this process has read, by the name in `SourceRange.file`, so that an error can show
   * the lines; undefined for any other.
   */
  sourceText(file: string): string | undefined;
}
