/** `tsbuild doctor`: prints what was found on standard output; exit code 0 where a build can run. */
import type { Commands } from '../commands.ts';
import type { CliIo } from '../io.ts';
import { formatDoctor, formatDoctorJson } from './format-doctor.ts';

/** Returns the exit code. */
export async function runDoctor({ storeRoot, format }: { readonly storeRoot: string; readonly format: 'table' | 'json' }, signal: AbortSignal, commands: Commands, io: CliIo): Promise<number> {
  const { isTTY, columns } = io.stdout;
  const report = await commands.doctor({ isTerminal: isTTY, columns: columns ?? null }, { storeRoot, signal });
  io.stdout.write(format === 'json' ? formatDoctorJson(report) : formatDoctor(report));
  return report.ok ? 0 : 1;
}
