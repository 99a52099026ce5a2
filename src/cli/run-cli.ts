/**
 * One call of tsbuild from words to exit code: understands, runs, shows the result or the error.
 * It touches the process only through `CliIo` and does the work only through `Commands`, so that tests run it whole.
 * Start at `runCli`.
 */
import { TsbuildError } from '../base/errors.ts';
import { machineError } from '../store/disk-error.ts';
import type { Commands } from './commands.ts';
import { interruptedError, watchInterruptions } from './interruption.ts';
import type { Invocation } from './invocation.ts';
import type { CliIo } from './io.ts';
import type { Environment } from './options/pairs.ts';
import { parseInvocation } from './program.ts';
import { wantsColor } from './progress/choose.ts';
import type { FailedStep } from './progress/failure.ts';
import { exitCodeOf, renderError } from './render-error.ts';
import { runBuild } from './run-build.ts';
import { runStoreCommand } from './run-store.ts';

/**
 * Runs the command that `words` (without `node` and the script) ask for and returns the exit code. It never throws.
 * `commands` is called at most once, and not at all for `--help` and wrong usage.
 */
export async function runCli(words: readonly string[], env: Environment, io: CliIo, commands: () => Promise<Commands>): Promise<number> {
  let loaded: Commands | undefined;
  const load = async (): Promise<Commands> => (loaded ??= await commands());
  const show = (thrown: unknown, failedStep: FailedStep | null = null): number => {
    const error = machineError(thrown);
    const position = error instanceof TsbuildError ? error.position : undefined;
    const dockerfileText = position === undefined ? undefined : loaded?.sourceText(position.file);
    io.stderr.write(renderError(error, { dockerfileText, failedStep, color: wantsColor(io.stderr, env), debug: env['TSBUILD_DEBUG'] === '1' }));
    return exitCodeOf(error);
  };
  try {
    const invocation = parseInvocation(words, await parseContext(words, env, io));
    if (invocation.command !== 'build') return await runOther(invocation, env, io, load, show);
    const failure = await runBuild(invocation.request, invocation.progress, env, io, load);
    if (failure === null) return 0;
    if (!failure.json) return show(failure.error, failure.failedStep);
    io.stderr.write(errorJson(failure.error));
    return exitCodeOf(failure.error);
  } catch (error) {
    return show(error);
  }
}

async function parseContext(words: readonly string[], env: Environment, io: CliIo): Promise<Parameters<typeof parseInvocation>[1]> {
  const helpWanted = words.some((word) => word === '--help' || word === '-h' || word === 'help');
  const network = helpWanted ? await io.defaultNetwork() : '';
  const helpWidth = Math.max(60, Math.min(120, io.stdout.columns ?? 80));
  return { env, user: io.user, version: io.version, network, helpWidth };
}

async function runOther(
  invocation: Exclude<Invocation, { command: 'build' }>, env: Environment, io: CliIo, load: () => Promise<Commands>, show: (error: unknown) => number,
): Promise<number> {
  if (invocation.command === 'print') {
    io.stdout.write(invocation.text);
    return 0;
  }
  const watch = watchInterruptions(io, (code, text) => { io.stderr.write(`NOTE: ${text} (${code})\n`); });
  try {
    const commands = await load();
    if (invocation.command === 'call') await (await import('./call/run-call.ts')).runCall(invocation, watch.signal, commands, io, env);
    else if (invocation.command === 'parse') await (await import('./parse/run-parse.ts')).runParse(invocation, commands, io);
    else if (invocation.command === 'context') await (await import('./context/run-context.ts')).runContext(invocation, watch.signal, commands, io);
    else if (invocation.command === 'doctor') return await (await import('./doctor/run-doctor.ts')).runDoctor(invocation, watch.signal, commands, io);
    else if (invocation.command === 'graph') io.stdout.write(await commands.graph(invocation.request, invocation.format, watch.signal));
    else await runStoreCommand(invocation.task, commands, { storeRoot: invocation.storeRoot, signal: watch.signal }, io);
    return 0;
  } catch (error) {
    return show(interruptedError(watch.signal, error));
  } finally {
    watch.stop();
  }
}

// The last line of --progress=rawjson after a failure.
function errorJson(error: unknown): string {
  const { code, errorClass, message, hint, position, details } = error instanceof TsbuildError
    ? error
    : { code: 'UNEXPECTED', errorClass: 'bug', message: String(error), hint: undefined, position: undefined, details: {} };
  return `${JSON.stringify({ type: 'error', code, errorClass, exitCode: exitCodeOf(error), message, hint, position, details })}\n`;
}
