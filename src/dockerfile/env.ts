/**
 * ENV, LABEL and ARG. It does not substitute or scope variables. Start at `readPairs` and `readArg`.
 */
import type { ArgInstruction, EnvInstruction, KeyValue } from './instruction.ts';
import { reject } from './rejection.ts';
import { needWords, readCommon, readStatementFlags, type Statement } from './statement.ts';

/** Reads ENV or LABEL. @throws TsbuildError `ARGUMENT_COUNT`, `NAME_BLANK`, `FLAG_UNKNOWN` */
export function readPairs(statement: Statement, kind: 'env' | 'label'): EnvInstruction {
  readStatementFlags(statement);
  const words = needWords(statement);
  const pairs: KeyValue[] = [];
  for (let at = 0; at < words.length; at += 3) {
    pairs.push({ key: needName(words[at] ?? '', statement), value: words[at + 1] ?? '' });
  }
  return { kind, ...readCommon(statement), pairs, ...(words[2] === '=' ? {} : { legacy: true }) };
}

/** Reads ARG. Like BuildKit it ignores flags. @throws TsbuildError `ARGUMENT_COUNT`, `NAME_BLANK` */
export function readArg(statement: Statement): ArgInstruction {
  const args = needWords(statement).map((word) => {
    const equals = word.indexOf('=');
    if (equals < 0) return { key: word };
    return { key: needName(word.slice(0, equals), statement), value: word.slice(equals + 1) };
  });
  return { kind: 'arg', ...readCommon(statement), args };
}

function needName(name: string, { raw, position }: Statement): string {
  if (name !== '') return name;
  return reject('NAME_BLANK', `${raw.name} names can not be blank`, { position, hint: 'There is nothing before "=".' });
}
