/** Reads what `--progress=rawjson` writes: events, then one line with the result or the error. */
import type { BuildEvent, StepDescription } from '../../src/base/events.ts';
import type { BuildSummary } from '../../src/cli/commands.ts';

/** The last line after a failure. */
export interface RawError {
  readonly code: string;
  readonly errorClass: string;
  readonly exitCode: number;
  readonly message: string;
}

/** All that one build told. */
export interface RawOutcome {
  readonly events: readonly BuildEvent[];
  readonly summary: BuildSummary | undefined;
  readonly error: RawError | undefined;
  readonly exitCode: number | null;
  readonly stdout: string;
  /** The lines themselves, for messages of failing tests. */
  readonly text: string;
}

type RawLine = BuildEvent | (BuildSummary & { readonly type: 'result' }) | (RawError & { readonly type: 'error' });

/** Parses the lines. A line that is no JSON makes it throw: a program could not read that output. */
export function parseRawLines(text: string): Pick<RawOutcome, 'events' | 'summary' | 'error' | 'text'> {
  const events: BuildEvent[] = [];
  let summary: BuildSummary | undefined;
  let error: RawError | undefined;
  for (const line of text.split('\n').filter((part) => part !== '')) {
    const value = parseLine(line, text);
    if (value.type === 'result') summary = value;
    else if (value.type === 'error') error = value;
    else events.push(value);
  }
  return { events, summary, error, text };
}

function parseLine(line: string, text: string): RawLine {
  try {
    // The shape is the program's own; tests look at the fields that they compare.
    return JSON.parse(line) as RawLine;
  } catch (cause) {
    throw new Error(`--progress=rawjson wrote a line that is no JSON: ${line}\n${text.slice(-6000)}`, { cause });
  }
}

/** A step with its times and its end. */
export interface StepLife {
  readonly step: StepDescription;
  readonly startMs: number;
  readonly endMs: number;
  readonly cached: boolean;
}

/** The steps that came to a good end, in the order of their start. */
export function stepLives(events: readonly BuildEvent[]): readonly StepLife[] {
  const lives: StepLife[] = [];
  for (const start of events) {
    if (start.type !== 'step-started') continue;
    const end = events.find((event) => event.type === 'step-done' && event.id === start.step.id);
    if (end?.type === 'step-done') lives.push({ step: start.step, startMs: start.timeMs, endMs: end.timeMs, cached: end.cached });
  }
  return lives;
}

/** The instructions that were carried out, not taken from the cache: `RUN true`. */
export function instructionsRun(events: readonly BuildEvent[]): readonly string[] {
  return stepLives(events).filter(({ cached, step }) => !cached && step.instruction !== undefined).map(({ step }) => step.instruction ?? '');
}

/** All that steps wrote to standard output, in order; only of steps whose name matches. */
export function logOf(events: readonly BuildEvent[], name: RegExp, stream: 'stdout' | 'stderr' = 'stdout'): string {
  const ids = new Set(events.map((event) => (event.type === 'step-started' && name.test(event.step.name) ? event.step.id : -1)));
  return events.map((event) => (event.type === 'step-log' && event.stream === stream && ids.has(event.id) ? event.text : '')).join('');
}
