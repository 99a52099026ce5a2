/**
 * Declares the commands and their options to commander and turns a call into an `Invocation`.
 * Nothing runs here: `run-cli.ts` carries the invocation out. Start at `parseInvocation`.
 */
import { Command, CommanderError, Option } from 'commander';
import { TsbuildError } from '../base/errors.ts';
import { graphFormats } from './commands.ts';
import { bashCompletion } from './completion.ts';
import { exampleText, helpLayout } from './help.ts';
import { callFormats, type Accept, type Invocation } from './invocation.ts';
import { normalizeWords, type Spellings } from './options/argv.ts';
import { addBuildOptions, addCallOptions, addInputOptions, noBuildOptions, progressModes, storeOption, type RawBuildOptions } from './options/build-options.ts';
import { buildRequestOf, writesToStdout } from './options/build-values.ts';
import { parseCall, parseCheck, type RawCheckOptions } from './options/call.ts';
import { oneOf } from './options/csv.ts';
import { parseCount } from './options/limits.ts';
import type { Environment } from './options/pairs.ts';
import { resolveStoreRoot, type User } from './options/store-root.ts';
import { addStoreCommands, imageCommands, logCommand, useCommands } from './store-commands.ts';

/** What parsing depends on besides the words. */
export interface ParseContext {
  readonly env: Environment;
  readonly user: User;
  readonly version: string;
  /** What `--network default` means here; shown by `--help`. */
  readonly network: string;
  readonly helpWidth: number;
}

/**
 * Understands the words after `tsbuild`. A first word that is no command belongs to `build`.
 * @throws TsbuildError class usage
 */
export function parseInvocation(words: readonly string[], context: ParseContext): Invocation {
  let result: Invocation = { command: 'print', text: '' };
  const program = createProgram(context, (invocation) => { result = invocation; });
  const [first] = words;
  if (first === undefined) return { command: 'print', text: `${program.helpInformation()}${exampleText('tsbuild')}\n` };
  const command = commandNamed(program, first);
  const target = command ?? commandNamed(program, 'build');
  const full = command !== undefined || programWords.has(first) ? words : ['build', ...words];
  try {
    program.parse(normalizeWords(full, spellingsOf(target)), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw usageError(error, target?.name());
  }
  return result;
}

/** First words that belong to the program itself. */
const programWords: ReadonlySet<string> = new Set(['help', '--help', '-h', '--version', '-v']);

function commandNamed(program: Command, name: string): Command | undefined {
  return program.commands.find((command) => command.name() === name);
}

/** The whole program, also used to write its completion. */
export function createProgram(context: ParseContext, accept: Accept): Command {
  let printed = '';
  const program = new Command('tsbuild');
  program.usage('[OPTIONS] COMMAND').description('Builds OCI images from Dockerfiles: no daemon, reproducible by default');
  program.version(`tsbuild ${context.version}`, '-v, --version', 'Show the version');
  program.exitOverride().configureHelp(helpLayout).helpOption('-h, --help', 'Show help');
  program.configureOutput({
    writeOut: (text) => { printed += text; accept({ command: 'print', text: printed }); },
    writeErr: () => undefined,
    getOutHelpWidth: () => context.helpWidth,
    getErrHelpWidth: () => context.helpWidth,
  });
  program.addHelpText('after', exampleText('tsbuild'));
  program.commandsGroup('Build commands:');
  addBuildCommand(program, context, accept);
  addCheckCommand(program, context, accept);
  addGraphCommand(program, context, accept);
  addParseCommand(program, accept);
  addContextCommand(program, context, accept);
  program.commandsGroup('Image commands:');
  addStoreCommands(program, imageCommands, context, accept);
  program.commandsGroup('Other commands:');
  addStoreCommands(program, [logCommand, ...useCommands], context, accept);
  addDoctorCommand(program, context, accept);
  addCompletionCommand(program, accept);
  program.helpCommand('help [command]', 'Show help of a command');
  for (const command of program.commands) command.addHelpText('after', exampleText(command.name()));
  return program;
}

function addBuildCommand(program: Command, context: ParseContext, accept: Accept): void {
  const command = program.command('build').usage('[OPTIONS] PATH | URL | -').argument('<context>').description('Build an image from a Dockerfile');
  addCallOptions(addBuildOptions(command, context.network)).action((path: string, raw: RawBuildOptions) => {
    const request = buildRequestOf(path, raw, context.env, context.user);
    const call = parseCall(raw.call, raw.check === true);
    if (call !== null) return accept({ command: 'call', request, call });
    const word = raw.progress ?? context.env['BUILDKIT_PROGRESS'] ?? '';
    const mode = raw.quiet === true ? 'quiet' : word === '' ? 'auto' : oneOf('--progress', word, progressModes);
    accept({ command: 'build', request, progress: { mode, stdoutTaken: writesToStdout(request.outputs) } });
  });
}

function addCheckCommand(program: Command, context: ParseContext, accept: Accept): void {
  const command = program.command('check').usage('[OPTIONS] [PATH | URL | -]').argument('[context]').description('Check a Dockerfile without building it');
  command.addOption(new Option('--format <format>', `How to print the findings: ${callFormats.join(', ')} (default: text)`));
  command.addOption(new Option('--json', 'Short for --format json'));
  command.addOption(new Option('--strict', 'Fail with exit code 2 if there are findings'));
  command.addOption(storeOption());
  addInputOptions(command).action((path: string | undefined, raw: RawCheckOptions & Partial<RawBuildOptions>) => {
    const request = buildRequestOf(path ?? '.', { ...noBuildOptions, ...raw }, context.env, context.user);
    accept({ command: 'call', request, call: parseCheck(raw) });
  });
}

function addGraphCommand(program: Command, context: ParseContext, accept: Accept): void {
  const command = program.command('graph').usage('[OPTIONS] PATH | URL | -').argument('<context>').description('Show what a build would do, as a graph');
  command.addOption(new Option('--format <format>', `How to print it: ${graphFormats.join(', ')} (default: json)`).default('json'));
  addBuildOptions(command, context.network).action((path: string, raw: RawBuildOptions & { readonly format: string }) => {
    const request = buildRequestOf(path, raw, context.env, context.user);
    accept({ command: 'graph', request, format: oneOf('--format', raw.format, graphFormats) });
  });
}

function addParseCommand(program: Command, accept: Accept): void {
  const command = program.command('parse').usage('[OPTIONS] [FILE | -]').argument('[file]').description('Show how a Dockerfile is read: instructions, flags, words');
  command.addOption(new Option('--json', 'Print JSON')).action((file: string | undefined, raw: { readonly json?: boolean }) => {
    accept({ command: 'parse', file: file ?? 'Dockerfile', json: raw.json === true });
  });
}

function addContextCommand(program: Command, context: ParseContext, accept: Accept): void {
  const command = program.command('context').usage('[OPTIONS] [PATH | URL | -] [FILE...]').argument('[path]').argument('[file...]').description('List what COPY could see of a context, and why not the rest');
  command.addOption(new Option('--why', 'List ignored paths too, with the file and line of the rule'));
  command.addOption(new Option('--depth <number>', 'List paths so many names deep (default: all; on a terminal as many as are easily read)'));
  command.addOption(new Option('-f, --file <path>', 'Dockerfile, whose own ignore file counts first (default: PATH/Dockerfile)'));
  command.addOption(new Option('--json', 'Print JSON, ignored paths included'));
  command.addOption(storeOption());
  command.action((path: string | undefined, paths: readonly string[], raw: RawContextOptions) => {
    const depthMax = raw.depth === undefined ? null : parseCount('--depth', raw.depth);
    const request = { context: path ?? '.', file: raw.file ?? null, paths, depthMax, storeRoot: resolveStoreRoot(raw.store, context.env, context.user) };
    accept({ command: 'context', request, form: { why: raw.why === true, json: raw.json === true } });
  });
}

interface RawContextOptions {
  readonly why?: boolean;
  readonly depth?: string;
  readonly file?: string;
  readonly json?: boolean;
  readonly store?: string;
}

function addDoctorCommand(program: Command, context: ParseContext, accept: Accept): void {
  const command = program.command('doctor').usage('[OPTIONS]').description('Say what this machine can do, what is missing, and how to get it');
  command.addOption(new Option('--format <format>', 'How to print it: table or json').default('table'));
  command.addOption(storeOption());
  command.action((raw: { readonly format: string; readonly store?: string }) => {
    accept({ command: 'doctor', storeRoot: resolveStoreRoot(raw.store, context.env, context.user), format: oneOf('--format', raw.format, ['table', 'json']) });
  });
}

function addCompletionCommand(program: Command, accept: Accept): void {
  const completion = program.command('completion').usage('bash').argument('<shell>').description('Print the completion script of a shell');
  completion.action((shell: string) => {
    oneOf('completion', shell, ['bash']);
    accept({ command: 'print', text: bashCompletion(program) });
  });
}

function spellingsOf(command: Command | undefined): Spellings {
  const options = command?.options ?? [];
  // Their `=false` asks for what cannot be had, so it must not turn into nothing.
  const always = new Set(['--rm', '--force-rm']);
  const booleans = options.filter((option) => !option.required && !option.optional && !always.has(option.long ?? ''));
  const valued = options.filter((option) => option.required);
  return {
    booleans: new Set(booleans.flatMap((option) => [option.long, option.short]).filter((name) => name !== undefined)),
    shortWithValue: new Set(valued.map((option) => option.short).filter((name) => name !== undefined)),
  };
}

function usageError(error: CommanderError, command: string | undefined): TsbuildError {
  const text = error.message.replace(/^error: /, '').replace(/\n\(Did you mean (.*)\?\)$/s, '; did you mean $1?');
  const help = command === undefined ? 'tsbuild --help' : `tsbuild ${command} --help`;
  return new TsbuildError('usage', 'USAGE', text, { hint: `See ${help}.` });
}
