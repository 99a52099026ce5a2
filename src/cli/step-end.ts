/** One line about a step that has ended: how, and what it used. */
import type { StepEnd } from '../base/events.ts';
import { formatBytes, formatSeconds } from './text/units.ts';

/** `exit code 0; 1.5s of processor time, 34.50MB of memory at most, 0B read, 3.20MB written`. */
export function formatStepEnd({ exitCode, signal, usage }: StepEnd): string {
  const { userMs, systemMs, peakMemoryBytes, readBytes, writtenBytes } = usage;
  const amount = (bytes: number | undefined, words: string): string[] => (bytes === undefined ? [] : [`${formatBytes(bytes)} ${words}`]);
  const used = [`${formatSeconds(userMs + systemMs)} of processor time`, ...amount(peakMemoryBytes, 'of memory at most'), ...amount(readBytes, 'read'), ...amount(writtenBytes, 'written')];
  return `${signal === null ? `exit code ${String(exitCode)}` : `killed by ${signal}`}; ${used.join(', ')}`;
}
