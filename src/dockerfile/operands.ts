/**
 * The instructions that are little more than their operands: WORKDIR, USER, STOPSIGNAL, MAINTAINER, EXPOSE, VOLUME,
 * CMD, ENTRYPOINT and SHELL. It does not check values: they may hold variables. Start at `readWord`.
 */
import type { CommandInstruction, ShellInstruction, WordInstruction, WordsInstruction } from './instruction.ts';
import { reject } from './rejection.ts';
import { needOneWord, needWords, readCommand, readCommon, readStatementFlags, type Statement } from './statement.ts';
import { trimSpace } from './whitespace.ts';

/** Reads an instruction with one operand. STOPSIGNAL ignores flags, as in BuildKit. @throws TsbuildError `ARGUMENT_COUNT`, `FLAG_UNKNOWN` */
export function readWord(statement: Statement, kind: WordInstruction['kind']): WordInstruction {
  const value = needOneWord(statement);
  if (kind !== 'stopsignal') readStatementFlags(statement);
  return { kind, ...readCommon(statement), value };
}

/** Reads EXPOSE. @throws TsbuildError `ARGUMENT_COUNT`, `FLAG_UNKNOWN` */
export function readExpose(statement: Statement): WordsInstruction {
  const values = needWords(statement);
  readStatementFlags(statement);
  return { kind: 'expose', ...readCommon(statement), values };
}

/** Reads VOLUME. @throws TsbuildError `ARGUMENT_COUNT`, `VOLUME_EMPTY`, `FLAG_UNKNOWN` */
export function readVolume(statement: Statement): WordsInstruction {
  const words = needWords(statement);
  readStatementFlags(statement);
  const values = words.map(trimSpace);
  if (values.includes('')) reject('VOLUME_EMPTY', 'VOLUME specified can not be an empty string', { position: statement.position, hint: 'Write VOLUME /data.' });
  return { kind: 'volume', ...readCommon(statement), values };
}

/** Reads CMD or ENTRYPOINT. @throws TsbuildError `FLAG_UNKNOWN` */
export function readCommandInstruction(statement: Statement, kind: CommandInstruction['kind']): CommandInstruction {
  readStatementFlags(statement);
  return { kind, ...readCommon(statement), command: readCommand(statement.raw.words, statement.raw.json) };
}

/** Reads SHELL. @throws TsbuildError `ARGUMENT_COUNT`, `SHELL_JSON`, `FLAG_UNKNOWN` */
export function readShell(statement: Statement): ShellInstruction {
  readStatementFlags(statement);
  const shell = needWords(statement);
  if (!statement.raw.json) {
    reject('SHELL_JSON', 'SHELL requires the arguments to be in JSON form', {
      position: statement.position,
      hint: 'Write SHELL ["/bin/sh", "-c"].',
    });
  }
  return { kind: 'shell', ...readCommon(statement), shell };
}
