/** Runs `tsbuild build`: shows progress while it lasts, then what was made. Errors go to the caller. */
import { messageOf, TsbuildError } from '../base/errors.ts';
import type { BuildEvent } from '../base/events.ts';
import type { BuildRequest } from './build-request.ts';
import type { BuildSummary, Commands } from './commands.ts';
import type { ProgressChoice } from './invocation.ts';
import { watchInterruptions, interruptedError } from './interruption.ts';
import type { CliIo } from './io.ts';
import type { Environment } from './options/pairs.ts';
import { createRenderer, resolveMode } from './progress/choose.ts';
import { FailureWatch, type FailedStep } from './progress/failure.ts';
import { FindingsWatch } from './progress/findings.ts';
import type { Renderer } from './progress/renderer.ts';
import { formatSummary } from './progress/summary.ts';

const tickMs = 100;

/** A failure of a build, with the step that failed, for the error's text. */
export interface BuildFailure {
  readonly error: unknown;
  readonly failedStep: FailedStep | null;
  readonly json: boolean;
}

/** Returns null after success. */
export async function runBuild(
  request: BuildRequest, choice: ProgressChoice, env: Environment, io: CliIo, commands: () => Promise<Commands>,
): Promise<BuildFailure | null> {
  const mode = resolveMode(choice.mode, io, env);
  if (choice.stdoutTaken && io.stdout.isTTY) {
    throw new TsbuildError('usage', 'STDOUT_TERMINAL', '--output: an archive does not go to a terminal', { hint: 'Redirect standard output, or give dest=PATH.' });
  }
  const watch = new FailureWatch();
  const findings = new FindingsWatch();
  const isSilent = mode === 'quiet' || mode === 'rawjson';
  const renderer = guard(createRenderer(mode, io, env), io);
  const tell = (code: string, text: string): void => {
    if (mode === 'quiet') io.stderr.write(`NOTE: ${text} (${code})\n`);
    else renderer.handle({ type: 'notice', timeMs: io.now(), level: 'info', code, text });
  };
  const interruptions = watchInterruptions(io, tell);
  const stopTicking = io.every(tickMs, () => { renderer.tick(); });
  const sink = (event: BuildEvent): void => { watch.handle(event); findings.handle(event); renderer.handle(event); };
  const finish = (): void => {
    renderer.finish();
    const text = isSilent ? '' : findings.format(request);
    if (text !== '') io.stderr.write(`\n${text}`);
  };
  try {
    const { build } = await bound(commands);
    const summary = await build(request, sink, interruptions.signal);
    finish();
    report(summary, mode, choice, io);
    return null;
  } catch (error) {
    finish();
    return { error: interruptedError(interruptions.signal, error), failedStep: watch.failed, json: mode === 'rawjson' };
  } finally {
    stopTicking();
    interruptions.stop();
  }
}

async function bound(commands: () => Promise<Commands>): Promise<Pick<Commands, 'build'>> {
  const loaded = await commands();
  return { build: (request, sink, signal) => loaded.build(request, sink, signal) };
}

function report(summary: BuildSummary, mode: string, choice: ProgressChoice, io: CliIo): void {
  if (mode === 'rawjson') io.stderr.write(`${JSON.stringify({ type: 'result', ...summary })}\n`);
  else if (mode !== 'quiet') io.stderr.write(`\n${formatSummary(summary)}`);
  else if (summary.imageID !== undefined && !choice.stdoutTaken) io.stdout.write(`${summary.imageID}\n`);
}

// A sink must not throw: a renderer that breaks is switched off, said once, and the build goes on.
function guard(renderer: Renderer, io: CliIo): Renderer {
  let broken = false;
  const attempt = (work: () => void): void => {
    if (broken) return;
    try {
      work();
    } catch (error) {
      broken = true;
      io.stderr.write(`\nNOTE: the progress display failed: ${messageOf(error)} (PROGRESS_BROKEN)\n`);
    }
  };
  return {
    handle: (event) => { attempt(() => { renderer.handle(event); }); },
    tick: () => { attempt(() => { renderer.tick(); }); },
    finish: () => { attempt(() => { renderer.finish(); }); },
  };
}
