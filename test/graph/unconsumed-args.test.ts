/** Which build arguments are told to have no effect. */
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { planned, type PlanOptions } from './support.ts';

/** The names that nothing consumes, of build arguments that all have the value 1. */
function check(table: readonly (readonly [source: string, args: string, expected: string, options?: PlanOptions])[]): void {
  for (const [source, args, expected, options = {}] of table) {
    const given = Object.fromEntries(args.split(' ').map((name) => [name, '1']));
    assert.equal(planned(source, { ...options, args: given }).unconsumedArgs.join(' '), expected, source);
  }
}

test('build arguments without an ARG are told, sorted by bytes', () => check([
  ['FROM a\nARG b\nENV Y=$X', 'b X _ Y aa é ARG', 'ARG X Y _ aa é'],
  ['FROM a', 'X', 'X'],
  ['FROM a\nARG x', 'X', 'X'],
  ['FROM a\nARG constructor', '__proto__ constructor toString', '__proto__ toString'],
]));

test('an ARG before the first FROM consumes, also where nothing reads it', () => check([
  ['ARG X\nFROM a', 'X Y', 'Y'],
  ['ARG X=2 Y\nFROM a:$X', 'X Y', ''],
]));

test('an ARG of a stage consumes where the target reaches it', () => check([
  ['FROM a AS one\nARG X\nFROM b\nARG Y', 'X Y', 'X'],
  ['FROM a AS one\nARG X\nFROM one\nARG Y', 'X Y', ''],
  ['FROM a AS one\nARG X\nFROM b\nCOPY --from=one x y', 'X', ''],
  ['FROM a AS one\nARG X\nFROM b\nRUN --mount=from=one,target=/m true', 'X', ''],
  ['FROM a AS one\nARG X\nFROM b\nARG Y', 'X Y', 'Y', { target: 'one' }],
  ['FROM a AS one\nARG X\nFROM one', 'X', 'X', { contexts: { one: 'image' } }],
]));

test('an ARG among the triggers of a base consumes, in the stage that they run in', () => check([
  ['FROM a', 'X Y', 'Y', { bases: { a: { config: { OnBuild: ['ARG X'] } } } }],
  ['FROM b AS one\nONBUILD ARG X\nFROM one', 'X Y', 'Y'],
  ['FROM b AS one\nONBUILD ARG X', 'X', 'X'],
]));

test('predefined arguments, proxies, SOURCE_DATE_EPOCH and those of the builder are never told', () => check([
  ['FROM a', 'HTTP_PROXY https_proxy Ftp_Proxy NO_PROXY all_proxy', ''],
  ['FROM a', 'TARGETPLATFORM TARGETOS TARGETOSVERSION TARGETARCH TARGETVARIANT BUILDPLATFORM BUILDOS BUILDOSVERSION BUILDARCH BUILDVARIANT TARGETSTAGE', ''],
  ['FROM a', 'BUILDKIT_INLINE_CACHE BUILDKIT_ANYTHING SOURCE_DATE_EPOCH', ''],
  ['FROM a', 'BUILDSTAGE TARGET targetarch XBUILDKIT_A SOURCE_DATE', 'BUILDSTAGE SOURCE_DATE TARGET XBUILDKIT_A targetarch'],
]));
