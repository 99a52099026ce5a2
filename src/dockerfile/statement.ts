/**
 * What the readers of single instructions get: a raw instruction with its place, and the checks that most of them share.
 * It knows no particular instruction. Start at `Statement`.
 */
import type { SourceRange } from '../base/errors.ts';
import { readFlags, type FlagKind, type FlagValues } from './flags.ts';
import type { Command } from './instruction.ts';
import type { RawInstruction } from './parse-lines.ts';
import { reject } from './rejection.ts';
import { trimSpace } from './whitespace.ts';

/** A raw instruction in its file. */
export interface Statement {
  readonly raw: RawInstruction;
  readonly position: SourceRange;
}

/** The fields that every instruction has. */
export interface StatementCommon {
  readonly position: SourceRange;
  readonly text: string;
  readonly comments: readonly string[];
}

/** The fields that do not depend on the instruction; the text is the logical line without blanks around it. */
export function readCommon({ raw, position }: Statement): StatementCommon {
  return { position, text: trimSpace(raw.line), comments: raw.comments };
}

/** Reads the flags that the instruction knows: none, unless told. @throws TsbuildError `FLAG_UNKNOWN`, `FLAG_DUPLICATE`, `FLAG_VALUE` */
export function readStatementFlags({ raw, position }: Statement, known: Readonly<Record<string, FlagKind>> = {}): FlagValues {
  return readFlags(raw.flags, known, { instruction: raw.name, position });
}

/** The operands, of which there must be one or more. @throws TsbuildError `ARGUMENT_COUNT` */
export function needWords({ raw, position }: Statement): readonly string[] {
  if (raw.words.length > 0) return raw.words;
  return reject('ARGUMENT_COUNT', `${raw.name} requires at least one argument`, { position, hint: usageHint(raw.name) });
}

/** The only operand. @throws TsbuildError `ARGUMENT_COUNT` */
export function needOneWord({ raw, position }: Statement): string {
  const [word] = raw.words;
  if (word !== undefined && raw.words.length === 1) return word;
  return reject('ARGUMENT_COUNT', `${raw.name} requires exactly one argument`, { position, hint: usageHint(raw.name) });
}

const usages: ReadonlyMap<string, string> = new Map([
  ['ARG', 'ARG NAME=default'], ['ENV', 'ENV NAME=value'], ['LABEL', 'LABEL name=value'], ['EXPOSE', 'EXPOSE 80/tcp'], ['VOLUME', 'VOLUME /data'], ['SHELL', 'SHELL ["/bin/sh", "-c"]'],
  ['USER', 'USER name:group'], ['WORKDIR', 'WORKDIR /app'], ['STOPSIGNAL', 'STOPSIGNAL SIGTERM'], ['MAINTAINER', 'LABEL org.opencontainers.image.authors=name'], ['HEALTHCHECK', 'HEALTHCHECK CMD command'],
]);

/** How the instruction is written, for one without operands. */
function usageHint(name: string): string | undefined {
  const usage = usages.get(name);
  return usage === undefined ? undefined : `Write ${usage}.`;
}

/** The operands as a command. Nothing at all is an empty shell command, as in BuildKit. */
export function readCommand(words: readonly string[], json: boolean): Command {
  return json ? { form: 'exec', argv: words } : { form: 'shell', text: words.join(' ') };
}
