/** `tsbuild parse`: prints how a Dockerfile is read, as JSON or as a list for people. */
import type { Commands } from '../commands.ts';
import type { CliIo } from '../io.ts';
import { formatParse } from './parse-text.ts';

/** @throws TsbuildError where the file cannot be read, or where BuildKit would refuse it */
export async function runParse({ file, json }: { readonly file: string; readonly json: boolean }, commands: Commands, { stdout }: CliIo): Promise<void> {
  const document = await commands.parse(file);
  stdout.write(json ? `${JSON.stringify(document, null, 2)}\n` : formatParse(document));
}
