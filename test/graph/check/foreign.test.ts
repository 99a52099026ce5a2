/**
 * Behaviour that other builders' test suites show for checks, in Dockerfiles of our own. The first column names the test
 * (BuildKit, frontend/dockerfile: dockerfile_check_test.go, dockerfile2llb/validations_test.go, parser/directives_test.go).
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { check, resultOf, type CheckSettings } from './support.ts';

type Row = readonly [suiteTest: string, source: string, expected: readonly string[], settings?: CheckSettings];

function checkRows(rows: readonly Row[]): void {
  for (const [, source, expected, settings] of rows) check(source, expected, settings);
}

/** The ignore rules and the source of one COPY. */
type IgnoreRow = readonly [suiteTest: string, ignore: readonly string[], source: string, isReported: boolean];

test('A5 CopyIgnoredFile keeps quiet where a `!` rule may bring back what is copied, and only there', () => {
  const rows: readonly IgnoreRow[] = [
    ['TestValidateCopySourcePath: no patterns', [], 'lib/x', false],
    ['TestValidateCopySourcePath: excluded file', ['lib'], 'lib/x', true],
    ['TestValidateCopySourcePath: not excluded', ['lib'], 'bin/x', false],
    ['TestValidateCopySourcePath: negation of a sibling', ['lib', '!lib/y'], 'lib/x', true],
    ['TestValidateCopySourcePath: negation elsewhere', ['lib', '!bin/y'], 'lib/x', true],
    ['TestValidateCopySourcePath: negation before the exclusion', ['!lib/y', 'lib'], 'lib/x', true],
    ['TestValidateCopySourcePath: wildcard elsewhere', ['lib', '!bin/*.so'], 'lib/x', true],
    ['TestValidateCopySourcePath: negation inside the directory', ['lib', '!lib/y'], 'lib', false],
    ['TestValidateCopySourcePath: negation deep inside the directory', ['lib', '!lib/a/b/y'], './lib/', false],
    ['TestValidateCopySourcePath: negation inside, before the exclusion', ['!lib/y', 'lib'], 'lib', false],
    ['TestValidateCopySourcePath: wildcard inside the directory', ['lib', '!lib/*.so'], 'lib', false],
    ['TestValidateCopySourcePath: wildcard that may fit the directory', ['lib', '!*/y'], 'lib', false],
    ['TestValidateCopySourcePath: the source itself is negated', ['lib', '!lib/y'], 'lib/y', false],
    ['TestValidateCopySourcePath: a directory above is negated', ['**', '!lib'], 'lib/x', false],
    ['TestValidateCopySourcePath: root, everything excluded', ['*'], '.', true],
    ['TestValidateCopySourcePath: root, all but one', ['**', '!Makefile'], '.', false],
    ['testCopyIgnoredFileContextRoot: dotfiles', ['.*'], '.', false],
    ['testCopyIgnoredFileContextRoot: dotfiles, absolute', ['.*'], '/', false],
    ['testCopyIgnoredFiles: all but the file', ['**', '!Makefile'], './Makefile', false],
    ['testCopyIgnoredFiles: all but a directory that is not copied', ['**', '!lib'], 'bin', true],
  ];
  for (const [name, ignore, source, isReported] of rows) {
    const { findings } = resultOf(`FROM scratch\nCOPY ${source} /x/\n`, { ignore });
    assert.deepEqual(findings.map(({ rule }) => rule), isReported ? ['CopyIgnoredFile'] : [], name);
  }
  const deep = 'd/'.repeat(30_000);
  assert.deepEqual(resultOf(`FROM scratch\nCOPY ${deep}x /x/\n`, { ignore: ['d', `!${deep}*`] }).findings, [], 'a path that no kernel takes');
});

test('the options of a file stand behind a `#!` line too, and nowhere further down', () => checkRows([
  ['TestParseDirective: blank value and remark', '# check = skip=all // for now\n\nFROM scratch as x\n', []],
  ['TestParseDirective: after #!', '#!/usr/bin/env builder\n# check=skip=all\n\nFROM scratch as x\n\nFROM scratch as y\n', []],
  ['TestParseDirective: after #! and syntax', '#!/usr/bin/env builder\n# syntax=docker/dockerfile:1\n# check=skip=all\n\nFROM scratch as x\n\nFROM scratch as y\n', []],
  ['TestParseDirective: blank line between', '#!/usr/bin/env builder\n\n# check=skip=all\n\nFROM scratch as x\n\nFROM scratch as y\n', ['7 FromAsCasing']],
  ['TestDirectives: unknown one before', '# builder=1\n# check=skip=all\n\nFROM scratch\n\nFROM scratch as y\n', ['6 FromAsCasing']],
]));

test('error=true behind a `#!` line makes findings errors, and a wrong option is refused at its line', () => {
  assert.equal(resultOf('#!/bin/x\n# check=error=true\n\nFROM scratch as x\n').isStrict, true);
  assert.throws(() => resultOf('#!/bin/x\n# check=nope\n\nFROM scratch\n'), { code: 'CHECK_OPTION', position: { file: 'Dockerfile', startLine: 2, endLine: 2 } });
});

test('comments above an instruction switch a rule off for it alone', () => checkRows([
  ['testSecretsUsedInArgOrEnv: remark behind the option', 'FROM scratch\n# check=skip=SecretsUsedInArgOrEnv // it is a test\nENV token=1\nENV secret=2\n', ['4 SecretsUsedInArgOrEnv']],
  ['testSecretsUsedInArgOrEnv: skip=all', 'FROM scratch\n# check=skip=all // here\nARG key\nARG auth\n', ['4 SecretsUsedInArgOrEnv']],
  ['testLegacyKeyValueFormat', 'FROM scratch\n# check=skip=LegacyKeyValueFormat\nENV a b\n# check=skip=LegacyKeyValueFormat\nLABEL a b\n', []],
  ['testRedundantTargetPlatform', '\n# check=skip=RedundantTargetPlatform\nFROM --platform=$TARGETPLATFORM scratch\n', []],
  ['testDefinitionDescription: other instructions', '# check=skip=all;experimental=InvalidDefinitionDescription\n\nFROM scratch\n# not a description\nCOPY a /\n', []],
  ['testDefinitionDescription: an empty comment ends it', '# check=experimental=InvalidDefinitionDescription\n\nFROM scratch\n# not a description\n#\nARG a\n', []],
]));

test('ports are looked at one by one', () => checkRows([
  ['testExposeProtoCasing', 'FROM scratch\nEXPOSE 53/UDP 53/tcp 80/Tcp\n', [
    "2 ExposeProtoCasing: Defined protocol '53/UDP' in EXPOSE instruction should be lowercase", "2 ExposeProtoCasing: Defined protocol '80/Tcp' in EXPOSE instruction should be lowercase",
  ]],
  ['testExposeInvalidFormat', 'FROM scratch\nEXPOSE [::1]:1:1 2:2 3\n', ['2 ExposeInvalidFormat', '2 ExposeInvalidFormat']],
]));
