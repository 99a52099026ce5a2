/**
 * HEALTHCHECK. It does not run or wrap the command. Start at `readHealthcheck`.
 */
import { parseDuration } from './duration.ts';
import type { HealthcheckInstruction } from './instruction.ts';
import { reject } from './rejection.ts';
import { needWords, readCommon, readStatementFlags, type Statement } from './statement.ts';

/** The shortest interval but zero: Docker's MinimumDuration. */
const durationMinNanoseconds = 1_000_000;
const retriesMax = 2 ** 31 - 1;

/**
 * Durations and retries of zero mean "inherited" and are left out.
 * @throws TsbuildError `ARGUMENT_COUNT`, `HEALTHCHECK_…`, `DURATION`, `FLAG_…`
 */
export function readHealthcheck(statement: Statement): HealthcheckInstruction {
  const [type = '', ...command] = needWords(statement);
  switch (type.toUpperCase()) {
    case 'NONE': return readNone(statement, command);
    case 'CMD': return readTest(statement, command);
    default: return readUnknown(statement, type.toUpperCase());
  }
}

/** NONE does not even look at its flags. */
function readNone(statement: Statement, command: readonly string[]): HealthcheckInstruction {
  if (command.length > 0) reject('HEALTHCHECK_NONE', 'HEALTHCHECK NONE takes no arguments', { position: statement.position, hint: 'Remove what follows, or write HEALTHCHECK CMD.' });
  return { kind: 'healthcheck', ...readCommon(statement), test: ['NONE'] };
}

function readTest(statement: Statement, command: readonly string[]): HealthcheckInstruction {
  const options = readOptions(statement);
  if (command.length === 0) reject('HEALTHCHECK_COMMAND', 'Missing command after HEALTHCHECK CMD', { position: statement.position, hint: 'Write HEALTHCHECK CMD command.' });
  const test = statement.raw.json ? ['CMD', ...command] : ['CMD-SHELL', command.join(' ')];
  return { kind: 'healthcheck', ...readCommon(statement), test, ...options };
}

function readUnknown(statement: Statement, type: string): never {
  readOptions(statement);
  reject('HEALTHCHECK_TYPE', `Unknown type ${JSON.stringify(type)} in HEALTHCHECK (try CMD)`, {
    position: statement.position,
    hint: 'Write HEALTHCHECK CMD command, or HEALTHCHECK NONE.',
  });
}

type Options = Pick<HealthcheckInstruction, 'interval' | 'timeout' | 'startPeriod' | 'startInterval' | 'retries'>;

function readOptions(statement: Statement): Options {
  const { texts } = readStatementFlags(statement, {
    interval: 'text', timeout: 'text', 'start-period': 'text', 'start-interval': 'text', retries: 'text',
  });
  const interval = readInterval('interval', texts);
  const timeout = readInterval('timeout', texts);
  const startPeriod = readInterval('start-period', texts);
  const startInterval = readInterval('start-interval', texts);
  const retries = readRetries(texts.get('retries') ?? '');
  return {
    ...(interval === 0 ? {} : { interval }), ...(timeout === 0 ? {} : { timeout }),
    ...(startPeriod === 0 ? {} : { startPeriod }), ...(startInterval === 0 ? {} : { startInterval }),
    ...(retries === 0 ? {} : { retries }),
  };
}

function readInterval(name: string, texts: ReadonlyMap<string, string>): number {
  const text = texts.get(name) ?? '';
  const duration = text === '' ? 0 : parseDuration(text);
  if (duration === 0 || duration >= durationMinNanoseconds) return duration;
  return reject('HEALTHCHECK_INTERVAL', `Interval ${JSON.stringify(name)} cannot be less than 1ms`);
}

function readRetries(text: string): number {
  if (text === '') return 0;
  const retries = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (retries < 0) reject('HEALTHCHECK_RETRIES', `--retries cannot be negative (${text})`, { hint: 'Write a number from 1, or leave it out.' });
  if (retries >= 0 && retries <= retriesMax) return retries;
  return reject('HEALTHCHECK_RETRIES', `--retries must be a whole number up to ${retriesMax}, not ${JSON.stringify(text)}`);
}
