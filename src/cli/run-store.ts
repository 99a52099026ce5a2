/** Runs the commands that need nothing but the store, and prints what they return. */
import { TsbuildError } from '../base/errors.ts';
import type { Commands, LogRequest, PruneChoice, StoreRequest } from './commands.ts';
import type { StoreInvocation } from './invocation.ts';
import type { CliIo } from './io.ts';
import { formatStepEnd } from './step-end.ts';
import { formatPruned, formatUse, formatVerified } from './store-use.ts';
import { formatHistory, formatImages } from './tables.ts';
import { LineSplitter } from './text/lines.ts';
import { cleanLine } from './text/sanitize.ts';

/** Results go to standard output. */
export async function runStoreCommand(task: StoreInvocation, commands: Commands, store: StoreRequest, io: CliIo): Promise<void> {
  const { stdout } = io;
  const lines = (words: readonly string[]): void => { stdout.write(words.map((word) => `${word}\n`).join('')); };
  switch (task.command) {
    case 'images': {
      const rows = await commands.images(store);
      stdout.write(task.json ? printJson(rows) : formatImages(rows));
      return;
    }
    case 'inspect':
      stdout.write(printJson(await commands.inspect(task, store)));
      return;
    case 'history': {
      const rows = await commands.history(task, store);
      stdout.write(task.json ? printJson(rows) : formatHistory(rows, stdout.isTTY ? stdout.columns : undefined));
      return;
    }
    case 'tag':
      lines(await commands.tag(task.source, task.targets, store));
      return;
    case 'rm':
      lines((await commands.remove(task.names, store)).map((name) => `untagged ${name}`));
      return;
    case 'save':
      refuseTerminal(task.output === '-' && stdout.isTTY, 'save: an archive does not go to a terminal', 'Redirect standard output, or use -o FILE.');
      await commands.save(task, store);
      return;
    case 'load':
      refuseTerminal(task.input === '-' && io.stdinIsTTY, 'load: standard input is a terminal', 'Redirect standard input, or use -i FILE.');
      lines((await commands.load(task.input, store)).map((name) => `loaded ${name}`));
      return;
    case 'du': {
      const use = await commands.diskUse(store);
      stdout.write(task.json ? printJson(use) : formatUse(use, task.verbose));
      return;
    }
    case 'verify-store':
      await verifyStore(task, commands, store, io);
      return;
    case 'prune':
      await prune(task, commands, store, io);
      return;
    case 'logs':
      await printLog(task.which, commands, store, io);
  }
}

async function prune({ choice, force, json }: Extract<StoreInvocation, { command: 'prune' }>, commands: Commands, store: StoreRequest, io: CliIo): Promise<void> {
  if (!force && !choice.dryRun && !(await isConfirmed(choice, io))) return;
  const report = await commands.prune(choice, store);
  io.stdout.write(json ? printJson(report) : formatPruned(report, choice.dryRun));
}

/** What is damaged and stays so ends the command with exit code 3. */
async function verifyStore({ repair, json }: Extract<StoreInvocation, { command: 'verify-store' }>, commands: Commands, store: StoreRequest, { stdout }: CliIo): Promise<void> {
  const report = await commands.verifyStore({ repair }, store);
  stdout.write(json ? printJson(report) : formatVerified(report));
  const left = report.damages.filter(({ repair: done }) => done !== 'repaired').length;
  if (left === 0) return;
  throw new TsbuildError('machine', 'STORE_DAMAGED', `verify store ${store.storeRoot}: ${left} ${left === 1 ? 'thing is' : 'things are'} damaged`, {
    hint: repair ? 'What running builds use cannot be repaired now. Try again when they have ended.' : 'Run `tsbuild store verify --repair`, and check the disk.',
  });
}

/** Docker's question. Where nobody can answer, nothing is removed, and it is said. */
async function isConfirmed({ all }: PruneChoice, io: CliIo): Promise<boolean> {
  if (!io.stdinIsTTY) {
    throw new TsbuildError('usage', 'PRUNE_UNCONFIRMED', 'prune: standard input is no terminal to ask on', { hint: 'Give --force, or --dry-run to see what would go.' });
  }
  io.stderr.write(`This will remove the build cache${all ? ', with what named images are made again from' : ''}, cache mounts and unnamed images.\n`);
  const answer = await io.ask('Are you sure you want to continue? [y/N] ');
  return /^y(es)?$/i.test(answer.trim());
}

function printJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function refuseTerminal(refused: boolean, message: string, hint: string): void {
  if (refused) throw new TsbuildError('usage', 'STDIO_TERMINAL', message, { hint });
}

// A file or pipe gets the bytes as they were; a terminal gets text that it can trust.
/** The log as it is, and on standard error how the step ended. */
async function printLog(which: LogRequest, commands: Commands, store: StoreRequest, { stdout, stderr }: CliIo): Promise<void> {
  const decoder = new TextDecoder();
  const splitter = new LineSplitter();
  const print = (lines: readonly string[]): void => { stdout.write(lines.map((line) => `${cleanLine(line)}\n`).join('')); };
  for await (const chunk of commands.logs(which, store)) {
    if (stdout.isTTY) print(splitter.push(decoder.decode(chunk, { stream: true })));
    else stdout.write(chunk);
  }
  if (stdout.isTTY) print([...splitter.push(decoder.decode()), ...splitter.flush()]);
  const end = await commands.stepEnd(which, store);
  if (end !== null) stderr.write(`${formatStepEnd(end)}\n`);
}
