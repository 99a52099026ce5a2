/** A context as one JSON document, ignored paths included. Names that are not UTF-8 have lone surrogates (base/path-bytes.ts). */
import type { ContextReport } from '../../build/list-context.ts';

/** The document, with a line end. */
export function formatContextJson({ entries, totals, ignoreFile, warnings }: ContextReport): string {
  const listed = entries.map(({ path, type, sizeBytes, isIncluded, rule }) => ({
    path, type, sizeBytes, included: isIncluded, ...(rule === null ? {} : { rule: { file: ignoreFile, line: rule.line, pattern: rule.text } }),
  }));
  return `${JSON.stringify({ entries: listed, totals, warnings: warnings.map(({ code, path, text }) => ({ code, path, text })) }, null, 2)}\n`;
}
