/** A stream of bytes to where the user wants it: a file, which appears whole, or standard output. */
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { TsbuildError } from '../base/errors.ts';
import { diskError } from '../store/disk-error.ts';
import { writeOutput, type OutputRecord } from './output-file.ts';
import { stdoutDest } from './output-spec.ts';

/** `process.stdout`, or what stands for it. */
export type StandardOutput = Writable & { readonly isTTY?: boolean };

/**
 * Writes an archive. `-` is standard output, which stays open; a terminal is refused.
 * @throws TsbuildError `OUTPUT_TO_TERMINAL`; as `writeOutput`; the signal's reason
 */
export async function writeDestination(
  dest: string,
  chunks: AsyncIterable<Uint8Array>,
  { stdout, record, signal }: { readonly stdout: StandardOutput; readonly record: OutputRecord; readonly signal: AbortSignal },
): Promise<void> {
  if (dest !== stdoutDest) return writeOutput(dest, chunks, { record, signal });
  if (stdout.isTTY === true) throw outputToTerminal('write output');
  try {
    await pipeline(chunks, stdout, { end: false, signal });
  } catch (error) {
    signal.throwIfAborted();
    throw diskError(error, { operation: 'write output to', path: 'standard output', owner: 'output' });
  }
}

/** The error for an archive that would go to a terminal; `what` names the operation or option, and perhaps the exporter. */
export function outputToTerminal(what: string): TsbuildError {
  return new TsbuildError('usage', 'OUTPUT_TO_TERMINAL', `${what}: refusing to write to console`, {
    hint: 'Name a file, or redirect standard output: tsbuild … > FILE.',
  });
}
