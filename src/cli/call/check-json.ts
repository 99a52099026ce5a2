/** The findings of `tsbuild check` for programs, in the shape of BuildKit's lint result (frontend/subrequests/lint). */
import type { JsonValue } from '../../base/canonical.ts';
import type { TsbuildError } from '../../base/errors.ts';
import type { CheckReport } from '../../build/check.ts';
import { ruleOf, ruleUrl } from '../../graph/check/rules.ts';
import { base64Of, filled, locationOf, printDocument } from './document.ts';

/** @param error why a build would fail: a mistake, or findings that the file does not want; null where it would not */
export function formatCheckJson({ findings, file }: CheckReport, error: TsbuildError | null): string {
  const warnings = findings.map(({ rule, detail, position }) =>
    filled({ ruleName: rule, description: ruleOf(rule).description, url: ruleUrl(rule) ?? '', detail, location: locationOf(position) }));
  const source = filled({ filename: file.name, language: 'Dockerfile', data: base64Of(file.text) });
  return printDocument({ warnings, sources: [source], ...(error === null ? {} : { buildError: errorOf(error) }) });
}

function errorOf({ message, position }: TsbuildError): JsonValue {
  return { message, location: position === undefined ? {} : locationOf(position) };
}
