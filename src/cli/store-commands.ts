/** Declares the commands that need nothing but the store. Nothing runs here: `run-store.ts` carries them out. */
import { Option, type Command } from 'commander';
import { TsbuildError } from '../base/errors.ts';
import { archiveFormats } from './commands.ts';
import type { Accept, StoreInvocation } from './invocation.ts';
import { storeOption } from './options/build-options.ts';
import { oneOf } from './options/csv.ts';
import { parsePrune, type RawPruneOptions } from './options/prune.ts';
import type { Environment } from './options/pairs.ts';
import { resolveStoreRoot, type User } from './options/store-root.ts';

/** What decides where the store is, where no option does. */
export interface StoreContext {
  readonly env: Environment;
  readonly user: User;
}

interface StoreOptions extends RawPruneOptions {
  readonly verbose?: boolean;
  readonly repair?: boolean;
  readonly store?: string;
  readonly json?: boolean;
  readonly platform?: string;
  readonly output: string;
  readonly input: string;
  readonly format: string;
  readonly last?: boolean;
}

/** A command as data: what help says, what it takes, and what a call of it means. */
export interface StoreDeclaration {
  readonly name: string;
  readonly usage: string;
  readonly description: string;
  /** In commander's syntax. */
  readonly operands?: string;
  readonly options?: readonly Option[];
  readonly taskOf: (words: readonly string[], options: StoreOptions) => StoreInvocation;
}

/** Adds commands to the program. */
export function addStoreCommands(program: Command, declarations: readonly StoreDeclaration[], context: StoreContext, accept: Accept): void {
  for (const { name, usage, description, operands, options = [], taskOf } of declarations) {
    const command = program.command(name).usage(usage).description(description);
    if (operands !== undefined) command.arguments(operands);
    for (const option of [...options, storeOption()]) command.addOption(option);
    command.action(() => {
      const given = command.opts<StoreOptions>();
      const task = taskOf(command.args, given);
      accept({ command: 'store', storeRoot: resolveStoreRoot(given.store, context.env, context.user), task });
    });
  }
}

const json = new Option('--json', 'Print JSON');
const platform = new Option('--platform <platform>', 'Which image of several, such as linux/arm64');

/** The commands about images in the store. */
export const imageCommands: readonly StoreDeclaration[] = [
  {
    name: 'images', usage: '[OPTIONS]', description: 'List the images in the store', options: [json],
    taskOf: (_, options) => ({ command: 'images', json: options.json === true }),
  },
  {
    name: 'inspect', usage: '[OPTIONS] NAME...', description: 'Show the config and manifest of images as JSON', operands: '<name...>', options: [platform],
    taskOf: (names, options) => ({ command: 'inspect', names, platform: options.platform ?? null }),
  },
  {
    name: 'history', usage: '[OPTIONS] NAME', description: 'Show how an image was made', operands: '<name>', options: [json, platform],
    taskOf: ([name = ''], options) => ({ command: 'history', name, platform: options.platform ?? null, json: options.json === true }),
  },
  {
    name: 'tag', usage: '[OPTIONS] SOURCE TARGET...', description: 'Give an image more names', operands: '<source> <target...>',
    taskOf: ([source = '', ...targets]) => ({ command: 'tag', source, targets }),
  },
  {
    name: 'rm', usage: '[OPTIONS] NAME...', description: 'Remove names of images', operands: '<name...>',
    taskOf: (names) => ({ command: 'rm', names }),
  },
  {
    name: 'save', usage: '[OPTIONS] NAME...', description: 'Write images to an archive', operands: '<name...>',
    options: [
      new Option('-o, --output <path>', 'File to write (default: -, standard output)').default('-'),
      new Option('--format <format>', `Kind of archive: ${archiveFormats.join(', ')} (default: oci)`).default('oci'),
      platform,
    ],
    taskOf: (names, { output, format, platform: wanted }) => ({ command: 'save', names, platform: wanted ?? null, output, format: oneOf('--format', format, archiveFormats) }),
  },
  {
    name: 'load', usage: '[OPTIONS]', description: 'Read images from an archive',
    options: [new Option('-i, --input <path>', 'File to read (default: -, standard input)').default('-')],
    taskOf: (_, { input }) => ({ command: 'load', input }),
  },
];

/** `tsbuild logs`. */
export const logCommand: StoreDeclaration = {
  name: 'logs', usage: '[OPTIONS] [STEP]', description: 'Show the whole log of a step of the last build', operands: '[step]',
  options: [new Option('--last', 'The step that failed last, else the one that ran last (default)')],
  taskOf: ([step], { last }) => {
    if (step !== undefined && last === true) throw new TsbuildError('usage', 'LOGS_BOTH', 'logs: give a step or --last, not both');
    return { command: 'logs', which: step === undefined ? { which: 'last' } : { which: 'step', step } };
  },
};

/** The commands about the store as a whole. */
export const useCommands: readonly StoreDeclaration[] = [
  {
    name: 'du', usage: '[OPTIONS]', description: 'Show what the store holds and what of it could go',
    options: [new Option('--verbose', 'List every image, step, cache mount …'), json],
    taskOf: (_, options) => ({ command: 'du', verbose: options.verbose === true, json: options.json === true }),
  },
  {
    name: 'prune', usage: '[OPTIONS]', description: 'Remove cache and unnamed images; what running builds use stays',
    options: [
      new Option('-a, --all', 'Also base images, and what named images share or can be made again from; they themselves stay'),
      new Option('--filter <filter>', 'Only what was not used since (until=24h, or until= and a time) or is of a type (type=cache-mount)').argParser((word: string, previous: readonly string[] = []) => [...previous, word]),
      new Option('--max-used-space <size>', 'Keep so much of the cache, the most recently used, such as 10g'),
      new Option('--keep-storage <size>', "Docker's earlier word for --max-used-space"),
      new Option('--reserved-space <size>').hideHelp(),
      new Option('-f, --force', 'Do not ask'),
      new Option('--dry-run', 'Only show what would go'),
      json,
    ],
    taskOf: (_, options) => ({ command: 'prune', choice: parsePrune(options), force: options.force === true, json: options.json === true }),
  },
  {
    name: 'store', usage: 'verify [OPTIONS]', description: 'Check everything in the store, and repair it', operands: '<action>',
    options: [new Option('--repair', 'Remove what is broken: the next build makes or fetches it again'), json],
    taskOf: ([action = ''], options) => {
      oneOf('store', action, ['verify']);
      return { command: 'verify-store', repair: options.repair === true, json: options.json === true };
    },
  },
];
