/**
 * FROM. It does not resolve the base. Start at `readFrom`.
 */
import type { FromInstruction } from './instruction.ts';
import { lowerCase } from './lower-case.ts';
import { optional } from './optional.ts';
import { reject } from './rejection.ts';
import { readCommon, readStatementFlags, type Statement } from './statement.ts';

const stageName = /^[a-z][a-z0-9_.-]*$/;

/** Reads FROM. @throws TsbuildError `FROM_ARGUMENTS`, `STAGE_NAME`, `FLAG_…` */
export function readFrom(statement: Statement): FromInstruction {
  const [base, as, name] = statement.raw.words;
  const count = statement.raw.words.length;
  if (base === undefined || !(count === 1 || (count === 3 && isAs(as)))) rejectArguments(statement);
  const stage = name === undefined ? {} : { as: readStageName(name, statement) };
  const { texts } = readStatementFlags(statement, { platform: 'text' });
  return { kind: 'from', ...readCommon(statement), base, ...optional('platform', texts.get('platform')), ...stage };
}

/** By Unicode's simple case folding, as Go's strings.EqualFold compares. */
function isAs(word: string | undefined): boolean {
  return word !== undefined && /^as$/iu.test(word);
}

function rejectArguments({ position }: Statement): never {
  reject('FROM_ARGUMENTS', 'FROM requires either one or three arguments', {
    position,
    hint: 'Write FROM image or FROM image AS name. A comment needs a line of its own.',
  });
}

function readStageName(name: string, { position }: Statement): string {
  const lower = lowerCase(name);
  if (stageName.test(lower)) return lower;
  return reject('STAGE_NAME', `invalid name for build stage: ${JSON.stringify(name)}, name can't start with a number or contain symbols`, {
    position,
    hint: 'Names are letters, digits, "-", "_" and ".", and start with a letter.',
  });
}
