/** `tsbuild context`: lists a context on standard output, and warns on standard error of what seldom belongs into one. */
import type { ContextReport, ContextRequest } from '../../build/list-context.ts';
import type { Commands } from '../commands.ts';
import type { ContextForm } from '../invocation.ts';
import type { CliIo } from '../io.ts';
import { showControls } from '../text/sanitize.ts';
import { formatContextJson } from './context-json.ts';
import { formatContext, readableDepth } from './context-text.ts';

/** So many warnings of one kind are told; JSON has all. */
const warningsOfKindMax = 10;

/** @throws TsbuildError where the context or its ignore file cannot be read */
export async function runContext({ request, form }: { readonly request: ContextRequest; readonly form: ContextForm }, signal: AbortSignal, commands: Commands, io: CliIo): Promise<void> {
  const report = await commands.context(request, signal);
  if (form.json) io.stdout.write(formatContextJson(report));
  else {
    const isNamed = request.paths.length > 0;
    const depthMax = isNamed || request.depthMax !== null || !io.stdout.isTTY ? Infinity : readableDepth(report.entries, form.why);
    for (const chunk of formatContext(report, { why: form.why || isNamed, isNamed, depthMax })) io.stdout.write(chunk);
  }
  for (const line of warningLines(report)) io.stderr.write(`${line}\n`);
}

function warningLines({ warnings }: ContextReport): readonly string[] {
  const counts = new Map<string, number>();
  for (const { code } of warnings) counts.set(code, (counts.get(code) ?? 0) + 1);
  const told = [...counts.keys()].flatMap((code) => warnings.filter((warning) => warning.code === code).slice(0, warningsOfKindMax));
  const lines = told.map(({ code, text }) => `WARNING: ${showControls(text)} (${code})`);
  const more = [...counts].filter(([, count]) => count > warningsOfKindMax).map(([code, count]) => `WARNING: and ${count - warningsOfKindMax} more (${code}); --json lists them`);
  return [...lines, ...more];
}
