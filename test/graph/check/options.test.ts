import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findingsError } from '../../../src/graph/check/check.ts';
import { check, findingsOf, refuseOptions, resultOf } from './support.ts';

const body = 'FROM scratch as base\ncopy Dockerfile .\n';
const casing = '3 ConsistentInstructionCasing';

test('# check=skip switches rules off for the whole file', () => {
  check(`\n${body}`, ['2 FromAsCasing', casing]);
  check(`#check=skip=all\n${body}`, []);
  check(`#check=skip=ConsistentInstructionCasing,FromAsCasing\n${body}`, []);
  check(`# syntax=docker/dockerfile:1\n# check=skip=ConsistentInstructionCasing\n${body}`, ['3 FromAsCasing']);
  check(`# check = skip=FromAsCasing // why\n${body}`, [casing]);
  check(`# check=skip=FromAsCasing, ConsistentInstructionCasing\n${body}`, [casing]);
  check(`# check=skip=Unknown\n${body}`, ['2 FromAsCasing', casing]);
});

test('error=true makes the findings that are left an error', () => {
  const failure = (directive: string): string | undefined => {
    const { findings, isStrict } = resultOf(`${directive}\n${body}`);
    return isStrict ? findingsError(findings)?.message : undefined;
  };
  assert.equal(failure('# check=skip=ConsistentInstructionCasing;error=true'), 'lint violation found for rules: FromAsCasing');
  assert.equal(failure('# check=error=true'), 'lint violation found for rules: ConsistentInstructionCasing, FromAsCasing');
  assert.equal(failure('# check=skip=all;error=true'), undefined);
  assert.equal(failure('# check=error=false'), undefined);
});

test('the build argument replaces the directive altogether', () => {
  const args = (value: string) => ({ args: { BUILDKIT_DOCKERFILE_CHECK: value } });
  check(`# check=skip=all\n${body}`, ['2 FromAsCasing'], args('skip=ConsistentInstructionCasing;error=true'));
  assert.equal(resultOf(`# check=skip=all\n${body}`, args('error=1')).isStrict, true);
  check(`# check=error=true\n${body}`, [], args('skip=all'));
  check(`# check=skip=all\n${body}`, ['2 FromAsCasing', casing], args(''));
});

test('a comment directly above an instruction switches rules off, or experimental ones on, for it alone', () => {
  check('FROM scratch\n# check=skip=MaintainerDeprecated\nMAINTAINER a\nMAINTAINER b\n', ['4 MaintainerDeprecated']);
  check('FROM scratch\n# for tests\n# check=skip=all because\nCOPY $a /\nCOPY $b /\n', ["5 UndefinedVar: Usage of undefined variable '$b'"]);
  check('FROM scratch\n# check=skip=UndefinedVar\n#\nCOPY $a /\n', ['4 UndefinedVar']);
  check('# check=skip=StageNameCasing\n\nFROM scratch as A\n', ['3 FromAsCasing']);
  check('# note\n# check=skip=FromAsCasing,StageNameCasing\nFROM scratch as A\nFROM scratch as B\n', ['4 StageNameCasing', '4 FromAsCasing']);
  check('# note\n#\n# definitely wrong\n# check=experimental=InvalidDefinitionDescription\nFROM scratch AS a\n', ['5 InvalidDefinitionDescription']);
  check('FROM scratch\n# check=nonsense\nMAINTAINER a\n', ['3 MaintainerDeprecated']);
  check('FROM scratch\n# check=skip=NoEmptyContinuation\nCOPY a \\\n\n /\n', []);
});

test('the rule about repeated instructions is switched off above either of them', () => {
  check('FROM scratch\n# check=skip=MultipleInstructionsDisallowed\nCMD ["a"]\nCMD ["b"]\n', []);
  check('FROM scratch\nCMD ["a"]\n# check=skip=MultipleInstructionsDisallowed\nCMD ["b"]\n', []);
  check('FROM scratch\nCMD ["a"]\nCMD ["b"]\n', ['2 MultipleInstructionsDisallowed']);
});

test('options that mean nothing are refused, at their line', () => {
  refuseOptions(`# check=skp=A\n${body}`, /# check: invalid check option "skp=A"/, 1);
  refuseOptions(`# syntax=docker/dockerfile:1\n# check=skip=A;error=perhaps\n${body}`, /invalid check option "error=perhaps"/, 2);
  refuseOptions(`# check=skip=A;\n${body}`, /invalid check option ""/, 1);
  refuseOptions(`# check=all\n${body}`, /invalid check option "all"/, 1);
  refuseOptions(body, /--build-arg BUILDKIT_DOCKERFILE_CHECK: invalid check option "x"/, null, { args: { BUILDKIT_DOCKERFILE_CHECK: 'x' } });
});

test('the same finding at the same place counts once', () => {
  assert.deepEqual(findingsOf('FROM scratch\nCOPY $a $a $a/\n'), ["2 UndefinedVar: Usage of undefined variable '$a'"]);
});
