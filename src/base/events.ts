/**
 * What a build tells while it runs: a stream of plain, JSON-able events. Renderers (tty, plain, rawjson) and library
 * users read the same stream. Nothing here prints.
 *
 * Life of a step: `step-started`, any number of `step-log`, `step-progress` and `step-note`, then exactly one of
 * `step-done` and `step-failed`. Steps that a failing build gives up get `step-canceled`. Step ids are small integers,
 * unique within the build and given in graph order, so that two runs of one build number their steps alike.
 */
import type { SourceRange } from './errors.ts';

export interface StepDescription {
  readonly id: number;
  /** As `docker build` shows it: `[builder 2/5] RUN make`, `[internal] load build context`. */
  readonly name: string;
  /** Where it stands in the Dockerfile; absent for internal steps. */
  readonly position?: SourceRange;
  /** The instruction as written, first line; absent for internal steps. */
  readonly instruction?: string;
}

export type BuildEvent =
  /** `name` is what the user calls the build. */
  | { readonly type: 'build-started'; readonly timeMs: number; readonly steps: readonly StepDescription[]; readonly target: string; readonly name?: string }
  | { readonly type: 'step-started'; readonly timeMs: number; readonly step: StepDescription }
  /** Bytes of a step's stdout or stderr, decoded as UTF-8 across chunk borders; not split into lines, never clipped. */
  | { readonly type: 'step-log'; readonly timeMs: number; readonly id: number; readonly stream: 'stdout' | 'stderr'; readonly text: string }
  /** Progress of one long piece of work within a step, e.g. a download. `totalBytes` is absent while unknown. */
  | { readonly type: 'step-progress'; readonly timeMs: number; readonly id: number; readonly item: string; readonly currentBytes: number; readonly totalBytes?: number; readonly done: boolean }
  /** One line about a step for people, such as `miss: COPY . /src — changed src/a.ts`. */
  | { readonly type: 'step-note'; readonly timeMs: number; readonly id: number; readonly text: string }
  | { readonly type: 'step-done'; readonly timeMs: number; readonly id: number; readonly cached: boolean; readonly durationMs: number; readonly usage?: StepUsage }
  | { readonly type: 'step-failed'; readonly timeMs: number; readonly id: number; readonly durationMs: number; readonly message: string; readonly logPath?: string; readonly usage?: StepUsage }
  | { readonly type: 'step-canceled'; readonly timeMs: number; readonly id: number }
  /**
   * Said once about the whole build: what network RUN gets, an option without effect. What a build check found is such a
   * notice with `check`; its code is the rule's name.
   */
  | ({ readonly type: 'notice'; readonly timeMs: number } & Notice)
  | { readonly type: 'build-done'; readonly timeMs: number; readonly durationMs: number; readonly stepsTotal: number; readonly stepsCached: number };

/** Something about the whole build. */
export interface Notice {
  readonly level: 'info' | 'warning';
  readonly code: string;
  readonly text: string;
  readonly position?: SourceRange;
  readonly check?: CheckNotice;
  /** Told once more when the build is over, as findings are; absent where it is not. */
  readonly isRepeated?: true;
}

/** What a finding of a build check has besides its rule, its words and its place. */
export interface CheckNotice {
  /** What the rule says in general. */
  readonly description: string;
  /** The address of its documentation; absent where there is none. */
  readonly url?: string;
}

/** What a RUN step used, where the kernel could tell. */
export interface StepUsage {
  readonly userMs: number;
  readonly systemMs: number;
  /** Peak memory of the whole step from its cgroup, else of its largest process. */
  readonly peakMemoryBytes?: number;
  /** From and to block devices; without cgroup v2 only of processes that somebody waited for. */
  readonly readBytes?: number;
  readonly writtenBytes?: number;
}

/** How the command of a RUN step ended, by exit code or by signal, and what it used; kept beside its log. */
export interface StepEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly usage: StepUsage;
}

/** Where events go. It must not throw and must not block. */
export type EventSink = (event: BuildEvent) => void;
