/**
 * RUN: its command, its flags, and what its here-documents mean. It does not substitute variables: the shell does.
 * Start at `readRun`.
 */
import { readDevice } from './device.ts';
import { chompContent, tryReadHeredocWord } from './heredoc.ts';
import type { Heredoc, RunInstruction } from './instruction.ts';
import { checkMountSyntax } from './mount.ts';
import { optional } from './optional.ts';
import type { RawHeredoc } from './parse-lines.ts';
import { reject } from './rejection.ts';
import { readCommand, readCommon, readStatementFlags, type Statement } from './statement.ts';
import { suggestionHint } from './suggest.ts';
import { wellFormed } from './well-formed.ts';

const networks: readonly string[] = ['default', 'none', 'host'];
const securities: readonly string[] = ['sandbox', 'insecure'];

/** Reads RUN, with mounts and devices checked as far as they can be. @throws TsbuildError `FLAG_…`, `RUN_NETWORK`, `RUN_SECURITY`, `MOUNT_…`, `DEVICE_…` */
export function readRun(statement: Statement): RunInstruction {
  const { raw, position } = statement;
  const { texts, lists } = readStatementFlags(statement, { mount: 'list', network: 'text', security: 'text', device: 'list' });
  const network = texts.get('network');
  const security = texts.get('security');
  if (network !== undefined && !networks.includes(network)) {
    reject('RUN_NETWORK', `invalid network mode ${JSON.stringify(network)}`, { position, hint: suggestionHint(network, networks) ?? 'Networks are default, none and host.' });
  }
  if (security !== undefined && !securities.includes(security)) {
    reject('RUN_SECURITY', `security ${JSON.stringify(security)} is not valid`, { position, hint: suggestionHint(security, securities) ?? 'Write sandbox or insecure.' });
  }
  const mounts = lists.get('mount') ?? [];
  const devices = lists.get('device') ?? [];
  mounts.forEach(checkMountSyntax);
  devices.forEach(readDevice);
  return {
    kind: 'run', ...readCommon(statement), command: readCommand(raw.words, raw.json),
    heredocs: raw.heredocs.map(toHeredoc), mounts, devices,
    ...optional('network', network), ...optional('security', security),
  };
}

/** The here-document with the tabs removed that `<<-` removes. */
export function toHeredoc(heredoc: RawHeredoc): Heredoc {
  const { name, fileDescriptor, expand, chomp } = heredoc;
  const raw = wellFormed(heredoc.content); // a command line is text
  return { name, fileDescriptor, expand, chomp, content: chomp ? chompContent(raw) : raw, raw };
}

/** What a RUN with or without here-documents runs (BuildKit dockerfile2llb, dispatchRun). */
export type RunScript =
  /** An argument vector, without a shell. */
  | { readonly kind: 'exec'; readonly argv: readonly string[] }
  /** A text for the SHELL. */
  | { readonly kind: 'shell'; readonly text: string }
  /** A file to be made executable and run: a lone here-document that starts with `#!`. Its name may be hostile. */
  | { readonly kind: 'file'; readonly name: string; readonly content: string };

/**
 * What the instruction runs: a lone here-document is the script itself; among other words, here-documents go to the
 * shell as they were written.
 */
export function scriptOf(run: RunInstruction): RunScript {
  if (run.command.form === 'exec') return { kind: 'exec', argv: run.command.argv };
  const { text } = run.command;
  const [only] = run.heredocs;
  if (only === undefined) return { kind: 'shell', text };
  if (tryReadHeredocWord(text) === undefined) {
    return { kind: 'shell', text: [text, ...run.heredocs.map(({ raw, name }) => raw + name)].join('\n') };
  }
  if (only.raw.startsWith('#!')) return { kind: 'file', name: only.name, content: only.content };
  return { kind: 'shell', text: only.content };
}
