/**
 * Names of signals, for STOPSIGNAL after substitution (moby/sys/signal on Linux). Start at `checkStopSignal`.
 */
import { reject } from './rejection.ts';
import { suggest } from './suggest.ts';

const names = [
  'ABRT', 'ALRM', 'BUS', 'CHLD', 'CLD', 'CONT', 'FPE', 'HUP', 'ILL', 'INT', 'IO', 'IOT', 'KILL', 'PIPE', 'POLL', 'PROF',
  'PWR', 'QUIT', 'SEGV', 'STKFLT', 'STOP', 'SYS', 'TERM', 'TRAP', 'TSTP', 'TTIN', 'TTOU', 'URG', 'USR1', 'USR2',
  'VTALRM', 'WINCH', 'XCPU', 'XFSZ', 'RTMIN', 'RTMAX',
  ...Array.from({ length: 15 }, (_, index) => `RTMIN+${index + 1}`),
  ...Array.from({ length: 14 }, (_, index) => `RTMAX-${index + 1}`),
];
const known = new Set(names);

/**
 * Accepts a number but zero, or a name with or without `SIG`, in any case. The image config carries it as written.
 * @throws TsbuildError `STOPSIGNAL_UNKNOWN`, without a position
 */
export function checkStopSignal(text: string): void {
  const name = text.toUpperCase().replace(/^SIG/, '');
  if (known.has(name)) return;
  if (/^[+-]?\d{1,18}$/.test(text) && Number(text) !== 0) return;
  const match = suggest(name, names);
  reject('STOPSIGNAL_UNKNOWN', `invalid signal: ${text}`, {
    hint: match === undefined ? 'Signals are names such as SIGTERM, RTMIN+3, or numbers.' : `Did you mean SIG${match}?`,
  });
}
