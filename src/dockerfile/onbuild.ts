/**
 * ONBUILD: a trigger that is kept as text and run in images built on this one. Start at `readOnbuild`.
 */
import type { SourceRange } from '../base/errors.ts';
import type { Instruction, OnbuildInstruction } from './instruction.ts';
import { reject } from './rejection.ts';
import { readCommon, readStatementFlags, type Statement } from './statement.ts';
import { wellFormed } from './well-formed.ts';

/** Reads a trigger's text into an instruction. */
export type TriggerReader = (expression: string, position: SourceRange) => Instruction;

/**
 * The trigger is read back from its expression, because that is what the image config carries and what runs later.
 * BuildKit does not look at it until then; here a trigger that could never run is refused where it stands.
 * @throws TsbuildError `ARGUMENT_COUNT`, `ONBUILD_TRIGGER`, and what the trigger's own reader throws
 */
export function readOnbuild(statement: Statement, readTrigger: TriggerReader): OnbuildInstruction {
  const { raw, position } = statement;
  const trigger = raw.trigger;
  if (trigger === undefined) return reject('ARGUMENT_COUNT', 'ONBUILD requires at least one argument', { position, hint: 'Write ONBUILD INSTRUCTION, such as ONBUILD COPY . /app.' });
  readStatementFlags(statement);
  if (trigger.name === 'ONBUILD') reject('ONBUILD_TRIGGER', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed", { position, hint: 'Remove one ONBUILD.' });
  if (trigger.name === 'FROM' || trigger.name === 'MAINTAINER') {
    reject('ONBUILD_TRIGGER', `${trigger.name} isn't allowed as an ONBUILD trigger`, { position, hint: 'A trigger runs in the stage that is built on this one.' });
  }
  const expression = expressionOf(statement);
  return { kind: 'onbuild', ...readCommon(statement), expression, trigger: readTrigger(expression, position) };
}

/** The line without the keyword, then the bodies of its here-documents, each with its delimiter. */
function expressionOf({ raw }: Statement): string {
  const line = raw.line.replace(/^[\t\n\f\r ]*ONBUILD[\t\n\f\r ]*/i, '');
  return wellFormed([line, ...raw.heredocs.map(({ content, name }) => content + name)].join('\n'));
}
