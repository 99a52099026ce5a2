import { test } from 'node:test';
import { check, checkFindings } from './support.ts';

test('A5 StageNameCasing and FromAsCasing look at the words as they are written', () => {
  check('# syntax\n\nFROM scratch AS BadName\n\nFROM scratch as second\n\nFROM scratch AS third\n', [
    "3 StageNameCasing: Stage name 'BadName' should be lowercase",
    "5 FromAsCasing: 'as' and 'FROM' keywords' casing do not match",
  ]);
  check('from scratch AS one\nfrom scratch as two\n', ["1 FromAsCasing: 'AS' and 'from' keywords' casing do not match"]);
  check('FROM --platform=$BUILDPLATFORM \\\n scratch \\\n# comment\n As one\n', ["1 FromAsCasing: 'As' and 'FROM' keywords' casing do not match"]);
  check('FROM scratch\nfrom scratch\nFROM scratch\n', ['2 ConsistentInstructionCasing']);
});

test('a FROM of mixed case is told of its own case, not of the case of AS', () => {
  check('From scratch as one\nFROM scratch AS two\n', ["1 ConsistentInstructionCasing: Command 'From' should match the case of the command majority (uppercase)"]);
  check('frOM scratch as one\nfrom scratch as two\n', ["1 ConsistentInstructionCasing: Command 'frOM' should match the case of the command majority (lowercase)"]);
});

test('A5 ConsistentInstructionCasing goes by the majority, and by upper case where there is none', () => {
  check('FROM scratch\ncopy a /a\nCOPY a /b\n', ["2 ConsistentInstructionCasing: Command 'copy' should match the case of the command majority (uppercase)"]);
  check('from scratch\nCOPY a /a\ncopy a /b\n', ["2 ConsistentInstructionCasing: Command 'COPY' should match the case of the command majority (lowercase)"]);
  check('from scratch\nCOPY a /\nCOPY b /\nCOPY c /\n', ["1 ConsistentInstructionCasing: Command 'from' should match the case of the command majority (uppercase)"]);
  check('FROM scratch\ncopy a /\ncopy b /\ncopy c /\n', ["1 ConsistentInstructionCasing: Command 'FROM' should match the case of the command majority (lowercase)"]);
  check('FROM scratch\ncopy a /\n', ["2 ConsistentInstructionCasing: Command 'copy' should match the case of the command majority (uppercase)"]);
  check('from scratch\ncopy a /a\ncopy a /b\n', []);
  check('FROM scratch\nCOPY a /a\nCOPY a /b\n', []);
  check("FROM alpine\nRUN <<'EOT'\nenv\nEOT\n", []);
});

test('ARGs before the first FROM have no vote in casing and are not told of it', () => {
  check('arg A\narg B\narg C\nFROM scratch\nCOPY a /\n', []);
});

test('A5 NoEmptyContinuation is shown where the instruction ends', () => {
  check('\nFROM scratch\nCOPY a \\\n\n/b\nCOPY a \\\n/c\n', ['5 NoEmptyContinuation: Empty continuation line']);
  check('FROM scratch\nCOPY a \\\n# a comment is fine\n/b\n', []);
});

test('A5 DuplicateStageName and ReservedStageName', () => {
  check('FROM scratch AS b\nFROM scratch AS b\nFROM scratch as B\n', [
    '2 DuplicateStageName: Duplicate stage name "b", stage names should be unique',
    '3 StageNameCasing', '3 FromAsCasing', '3 DuplicateStageName: Duplicate stage name "b", stage names should be unique',
  ]);
  check('FROM scratch AS b1\nFROM scratch AS b2\nFROM scratch\nFROM scratch\n', []);
  check('FROM scratch AS scratch\nFROM scratch AS context\n', [
    '1 ReservedStageName: Stage name should not use the same name as reserved stage "scratch"',
    '2 ReservedStageName: Stage name should not use the same name as reserved stage "context"',
  ]);
  check('FROM scratch\nFROM scratch AS a\n', []);
});

test('A5 MaintainerDeprecated', () => {
  check('FROM scratch\nMAINTAINER me@example.org\n', ['2 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label']);
  check('FROM scratch\nLABEL org.opencontainers.image.authors="me@example.org"\n', []);
});

test('A5 InvalidDefinitionDescription, where it is switched on, wants descriptions to start with the name', () => {
  const good = `# foo this is the foo
ARG foo=bar

# base this is the base image
FROM scratch AS base

# version this is the version number
ARG version=latest

# baz this is the baz
ARG foo=baz bar=qux baz=quux
#
ARG bit=bat

# comment for something other than ARG or FROM
COPY Dockerfile .
`;
  check(`# check=experimental=InvalidDefinitionDescription\n${good}`, []);
  const bad = `# bar this is the bar
ARG foo=bar
# BasE this is the BasE image
FROM scratch AS base
# definitely a bad comment
ARG version=latest
# definitely a bad comment
ARG foo=baz bar=qux baz=quux
# check=skip=UndefinedVar
ARG other=1
`;
  const expected = [
    '3 InvalidDefinitionDescription: Comment for ARG should follow the format: `# foo <description>`',
    '5 InvalidDefinitionDescription: Comment for FROM should follow the format: `# base <description>`',
    '7 InvalidDefinitionDescription: Comment for ARG should follow the format: `# version <description>`',
    '9 InvalidDefinitionDescription: Comment for ARG should follow the format: `# <arg_key> <description>`',
  ];
  check(`# check=experimental=InvalidDefinitionDescription\n${bad}`, expected);
  check(`# check=skip=all;experimental=all\n${bad}`, expected);
  check(`\n${bad}`, []);
});

test('what stands before an error is checked, and nothing that needs the whole file', () => {
  checkFindings('FROM scratch AS BadStageName\nMAINTAINER me@example.org\ncopy a \\\n\n /b\nBADCMD\nMAINTAINER you\n', [
    "1 StageNameCasing: Stage name 'BadStageName' should be lowercase",
    '2 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label',
    '5 NoEmptyContinuation: Empty continuation line',
  ]);
});
