/** Checks small Dockerfiles in memory; a finding is one line: `4 StageNameCasing: Stage name 'A' should be lowercase`. */
import assert from 'node:assert/strict';
import { TsbuildError } from '../../../src/base/errors.ts';
import { parseIgnore, pathOfRule } from '../../../src/context/ignore.ts';
import { openIgnore } from '../../../src/context/open-ignore.ts';
import { tryParseDockerfile } from '../../../src/dockerfile/parse.ts';
import { checkDockerfile, type CheckInput, type CheckResult } from '../../../src/graph/check/check.ts';
import type { Platform } from '../../../src/image/config.ts';
import { imageOf, inputOf, without, type Base, type PlanOptions } from '../support.ts';

export interface CheckSettings extends PlanOptions {
  /** The lines of the ignore file. */
  readonly ignore?: readonly string[];
  /** As a build checks: with every image known, and the stages that the target needs. */
  readonly build?: true;
  /** By reference: the platform that the image is for. */
  readonly platforms?: Readonly<Record<string, Platform>>;
}

/** Everything that checking says. */
export function resultOf(source: string, settings: CheckSettings = {}): CheckResult {
  const { ignore, build, platforms = {}, ...plan } = settings;
  const parsed = parseIgnore((ignore ?? []).join('\n'), '.dockerignore');
  const rules = openIgnore(parsed);
  const ignored = { isIgnored: (path: string) => rules.isIgnored(path), patterns: parsed.rules.map((rule) => ({ path: pathOfRule(rule), isException: rule.isException })) };
  const input = without(inputOf('FROM scratch', plan), 'dockerfile');
  const images = build === undefined ? new Map() : knownImages(plan.bases ?? {}, platforms);
  const more: Pick<CheckInput, 'images' | 'ignored' | 'allStages'> = { images, ignored: ignore === undefined ? null : ignored, allStages: build === undefined };
  return checkDockerfile(tryParseDockerfile(source, 'Dockerfile'), { ...input, ...more });
}

/** All images that a build would have resolved: those that the test describes. */
function knownImages(bases: Readonly<Record<string, Base>>, platforms: Readonly<Record<string, Platform>>): CheckInput['images'] {
  const platform = { os: 'linux', architecture: 'amd64' };
  const references = new Set([...Object.keys(bases), ...Object.keys(platforms)]);
  return new Map([...references].map((reference) => {
    const key = `${reference} linux/amd64`;
    return [key, imageOf({ key, platform: platforms[reference] ?? platform }, bases[reference])];
  }));
}

/** The findings as lines. */
export function findingsOf(source: string, settings: CheckSettings = {}): readonly string[] {
  return resultOf(source, settings).findings.map(({ rule, detail, position }) => `${position.startLine} ${rule}: ${detail}`);
}

/** The file has these findings and no error. Of `expected`, the part after the rule's name may be left out. */
export function check(source: string, expected: readonly string[], settings: CheckSettings = {}): void {
  const { error } = resultOf(source, settings);
  assert.equal(error, null, `${source}\n${error?.message}`);
  checkFindings(source, expected, settings);
}

/** The same for a file that may have an error as well. */
export function checkFindings(source: string, expected: readonly string[], settings: CheckSettings = {}): void {
  const actual = findingsOf(source, settings).map((line, index) => (expected[index]?.includes(':') === false ? line.replace(/:.*/s, '') : line));
  assert.deepEqual(actual, expected, source);
}

/** Options that are wrong are the only thing that checking throws. */
export function refuseOptions(source: string, message: RegExp, line: number | null, settings: CheckSettings = {}): void {
  assert.throws(() => resultOf(source, settings), (error) => {
    assert.ok(error instanceof TsbuildError, String(error));
    assert.deepEqual([error.code, error.errorClass, error.position?.startLine ?? null], ['CHECK_OPTION', 'usage', line]);
    assert.match(error.message, message);
    return true;
  });
}
