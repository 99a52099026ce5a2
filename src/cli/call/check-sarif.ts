/** The findings of `tsbuild check` as SARIF 2.1.0 (OASIS), which code hosts show beside the lines. */
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { JsonValue } from '../../base/canonical.ts';
import type { SourceRange, TsbuildError } from '../../base/errors.ts';
import type { CheckedFile, CheckReport } from '../../build/check.ts';
import { ruleOf, rules, ruleUrl, type RuleName } from '../../graph/check/rules.ts';
import { printDocument } from './document.ts';

const ruleNames = Object.keys(rules) as readonly RuleName[]; // the keys of a constant of ours

/** @param error why a build would fail; null where it would not */
export function formatCheckSarif(report: CheckReport, error: TsbuildError | null, version: string): string {
  const { findings, file } = report;
  const results = findings.map(({ rule, detail, position }) => ({
    ruleId: rule,
    ruleIndex: ruleNames.indexOf(rule),
    level: 'warning',
    message: { text: detail },
    locations: [locationIn(file, position)],
  }));
  const driver = { name: 'tsbuild', version, rules: ruleNames.map(describeRule) };
  return printDocument({
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [{ tool: { driver }, invocations: [invocationOf(report, error)], columnKind: 'utf16CodeUnits', results }],
  });
}

function describeRule(name: RuleName): JsonValue {
  const url = ruleUrl(name);
  return {
    id: name,
    name,
    shortDescription: { text: ruleOf(name).description },
    ...(url === null ? {} : { helpUri: url }),
    defaultConfiguration: { enabled: ruleOf(name).isExperimental !== true, level: 'warning' },
  };
}

/** A mistake in the file is no finding of a rule: it is why the tool could not look at all of it. */
function invocationOf({ file, error: mistake }: CheckReport, error: TsbuildError | null): JsonValue {
  if (error === null) return { executionSuccessful: true };
  const location = error.position === undefined ? {} : { locations: [locationIn(file, error.position)] };
  const notification = { level: 'error', descriptor: { id: error.code }, message: { text: error.message }, ...location };
  return { executionSuccessful: mistake === null, toolExecutionNotifications: [notification] };
}

function locationIn(file: CheckedFile, { startLine, endLine }: SourceRange): JsonValue {
  return { physicalLocation: { artifactLocation: { uri: uriOf(file) }, region: { startLine, endLine: Math.max(startLine, endLine) } } };
}

/** Relative to the working directory where it lies below it, as code hosts want it. */
function uriOf({ path, name }: CheckedFile): string {
  const file = path ?? name;
  if (isAbsolute(file)) return pathToFileURL(file).href;
  return file.split('/').map(encodeURIComponent).join('/');
}
