import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, checkFindings, resultOf } from './support.ts';

test('A5 UndefinedArgInFrom knows declared and predefined arguments, with and without a value', () => {
  check('ARG base=scratch\nFROM $base\nCOPY a .\n', []);
  check('ARG BUILDPLATFORM=linux/amd64\nFROM --platform=$BUILDPLATFORM scratch\n', []);
  check('FROM --platform=$BUILDPLATFORM scratch\n', []);
  check('ARG DEBUG\nFROM scratch${DEBUG}\n', []);
  check('ARG DEBUG\nFROM scra${DEBUG:-tch}\n', []);
  check('ARG DEBUG=""\nFROM scratch${DEBUG-@bogus}\n', []);
  check('ARG tag=latest\nFROM busybox:${tag}${version} AS b\n', ["2 UndefinedArgInFrom: FROM argument 'version' is not declared"]);
  check('FROM busybox${x}\nFROM scratch\n', ["1 UndefinedArgInFrom: FROM argument 'x' is not declared"]);
});

test('A5 UndefinedArgInFrom suggests a near name, and the error follows', () => {
  const source = 'FROM --platform=$BULIDPLATFORM scratch\nCOPY a .\n';
  checkFindings(source, ["1 UndefinedArgInFrom: FROM argument 'BULIDPLATFORM' is not declared (did you mean BUILDPLATFORM?)"]);
  assert.deepEqual([resultOf(source).error?.code, resultOf(source).error?.position?.startLine], ['PLATFORM_EMPTY', 1]);
  const parts = 'ARG MY_OS=linux\nARG MY_ARCH=amd64\nFROM --platform=linux/${MYARCH} busybox\n';
  checkFindings(parts, ["3 UndefinedArgInFrom: FROM argument 'MYARCH' is not declared (did you mean MY_ARCH?)"]);
  assert.equal(resultOf(parts).error?.errorClass, 'usage');
});

test('A5 InvalidDefaultArgInFrom wants a base that is valid without build arguments', () => {
  const said = (base: string) => `Default value for ARG ${base} results in empty or invalid base image name`;
  check('ARG VERSION\nFROM busybox:$VERSION\n', [`2 InvalidDefaultArgInFrom: ${said('busybox:$VERSION')}`], { args: { VERSION: 'latest' } });
  check('ARG IMAGE\nFROM $IMAGE\n', [`2 InvalidDefaultArgInFrom: ${said('$IMAGE')}`], { args: { IMAGE: 'busybox:latest' } });
  check('ARG SFX="box:"\nFROM busy${SFX}\n', [`2 InvalidDefaultArgInFrom: ${said('busy${SFX}')}`], { args: { SFX: 'box:latest' } });
  check('ARG VERSION="latest"\nFROM busybox:${VERSION}\n', [], { args: { VERSION: 'latest' } });
  check('ARG VARIANT=""\nFROM busybox:stable${VARIANT}\n', [], { args: { VARIANT: '-musl' } });
  check('ARG VARIANT\nFROM busybox:stable${VARIANT}\n', [], { args: { VARIANT: '-musl' } });
  check('ARG A=busybox\nARG B=$A\nFROM $B\n', [], { args: { B: 'alpine' } });
  checkFindings('ARG IMAGE\nFROM $IMAGE\n', [`2 InvalidDefaultArgInFrom: ${said('$IMAGE')}`]);
});

test('A5 RedundantTargetPlatform quotes the expression, and a longer one is not redundant', () => {
  const said = (text: string) => `1 RedundantTargetPlatform: Setting platform to predefined ${text} in FROM is redundant as this is the default behavior`;
  check('FROM --platform=$TARGETPLATFORM scratch\n', [said('$TARGETPLATFORM')]);
  check('FROM --platform=${TARGETPLATFORM} scratch\n', [said('${TARGETPLATFORM}')]);
  check('FROM --platform=$TARGETOS/$TARGETARCH scratch\n', []);
  check('FROM --platform=${TARGETPLATFORM}${x} scratch\n', ["1 UndefinedArgInFrom: FROM argument 'x' is not declared"]);
});

test('A5 FromPlatformFlagConstDisallowed, unless the name of the stage says the platform', () => {
  check('FROM --platform=linux/amd64 scratch\n', ['1 FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "linux/amd64"']);
  check('FROM --platform=linux/amd64 scratch AS my_amd64_stage\n', []);
  check('FROM --platform=linux/amd64 scratch AS linux\n', []);
  check('FROM --platform=linux/x86_64 scratch AS amd64\n', []);
  check('FROM --platform=linux/x86_64 scratch AS x86\n', ['1 FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "linux/x86_64"']);
});

test('A5 InvalidBaseImagePlatform is known where images are: in a build', () => {
  const arm = { os: 'linux', architecture: 'arm64', variant: 'v8' };
  const finding = 'InvalidBaseImagePlatform: Base image alpine:3 was pulled with platform "linux/arm64", expected "linux/amd64" for current build';
  const settings = { build: true, platforms: { 'alpine:3': arm } } as const;
  check('FROM alpine:3\n', [`1 ${finding}`], settings);
  check('FROM scratch\nCOPY --from=alpine:3 /a /b\n', [`2 ${finding}`], settings);
  check('FROM alpine:3\n', [], { build: true, bases: { 'alpine:3': {} } });
  check('FROM alpine:3\n', [], { build: true, platforms: { 'alpine:3': arm }, bases: { 'alpine:3': { layers: 0 } } });
  check('FROM alpine:3\n', []);
});

test('A5 the FROM lines of stages that the target does not need are checked in a build as well', () => {
  check('FROM --platform=linux/arm64 busybox\nRUN $x\nFROM scratch\n', ['1 FromPlatformFlagConstDisallowed'], { build: true });
});
