import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import { detectSyntax } from '../../src/dockerfile/directives.ts';
import { parseDuration } from '../../src/dockerfile/duration.ts';
import { formatExcerpt } from '../../src/dockerfile/excerpt.ts';
import { checkStopSignal } from '../../src/dockerfile/stop-signal.ts';

function refuses(read: () => unknown, code: string, message: string): void {
  assert.throws(read, (error) => error instanceof TsbuildError && error.code === code, message);
}

test('parseDuration reads what Go reads, in nanoseconds', () => {
  const table: readonly (readonly [string, number])[] = [
    ['0', 0], ['+0', 0], ['0s', 0], ['1ns', 1], ['1us', 1e3], ['1µs', 1e3], ['1μs', 1e3], ['1ms', 1e6], ['1s', 1e9], ['1m', 60e9], ['1h', 3600e9], ['1h30m', 5400e9],
    ['1.5s', 1.5e9], ['.5s', 5e8], ['1.s', 1e9], ['-1s', -1e9], ['1m1m', 120e9], ['0.000000001s', 1], ['00005s', 5e9],
  ];
  for (const [text, expected] of table) assert.equal(parseDuration(text), expected, text);
  for (const text of ['', '1', 's', '.s', '1d', '1 s', '-', '1s ', '1sx', '9999999999h', '1e3s', '1.1.1s']) refuses(() => parseDuration(text), 'DURATION', text);
});

test('parseDuration keeps a duration to the nanosecond or refuses it', () => {
  const table: readonly (readonly [string, string])[] = [
    ['2501h59m59.254740991s', '9007199254740991'], ['2502h', '9007200000000000'], ['3000h', '10800000000000000'], ['20000h0.001s', '72000000001000000'],
    ['2562047h47m16.854s', '9223372036854000000'],
  ];
  for (const [text, expected] of table) assert.equal(JSON.stringify(parseDuration(text)), expected, text);
  for (const text of ['2501h59m59.254740993s', '20000h1ns', '2562047h47m16.854775807s']) refuses(() => parseDuration(text), 'DURATION_PRECISION', text);
  for (const text of ['2562047h47m16.854775808s', '2562048h']) refuses(() => parseDuration(text), 'DURATION', text);
  assert.ok(Object.is(parseDuration('-0s'), 0));
});

test('checkStopSignal accepts names and numbers', () => {
  for (const text of ['SIGTERM', 'term', 'SigKill', '9', '64', 'RTMIN+3', 'SIGRTMAX-14']) checkStopSignal(text);
  for (const text of ['', '0', 'SIG', 'NOPE', 'RTMIN+16', '1.5', '__proto__']) refuses(() => checkStopSignal(text), 'STOPSIGNAL_UNKNOWN', text);
});

test('detectSyntax finds the directive in all its forms', () => {
  const table: readonly (readonly [text: string, reference: string | undefined, line?: number])[] = [
    ['# syntax=a/b:1 x\n', 'a/b:1', 1], ['#syntax = a', 'a', 1], ['\ufeff# SYNTAX=a', 'a', 1], ['#!/usr/bin/x\n# syntax=a', 'a', 2], ['# escape=`\n# check=x\n# syntax=a', 'a', 3],
    ['// syntax=a\n', 'a', 1], ['#!x\n// syntax=a\n', 'a', 2], ['{"syntax": "a", "b": 1}', 'a', 1], ['FROM a\n# syntax=a', undefined], ['# c\n# syntax=a', undefined],
    ['# check=x\n# check=y\n# syntax=a', undefined], ['', undefined], ['{"syntax": 1}', undefined], ['{', undefined], ['# syntax=', undefined], ['#!x', undefined],
  ];
  for (const [text, reference, line] of table) {
    assert.deepEqual(detectSyntax(text), reference === undefined ? undefined : { reference, line }, text);
  }
});

test('formatExcerpt shows and marks lines as docker build does', () => {
  const text = 'FROM a\n\nRUN b \\\n  c\r\nCMD\td\nEND\n';
  const at = (startLine: number, endLine: number, context?: number): string => formatExcerpt(text, { file: 'x/Dockerfile', startLine, endLine }, context);
  assert.equal(at(3, 4), [
    'x/Dockerfile:3', '--------------------', '   1 |     FROM a', '   2 |     ', '   3 | >>> RUN b \\', '   4 | >>>   c', '   5 |     CMD\td', '   6 |     END', '--------------------', '',
  ].join('\n'));
  assert.equal(at(1, 1, 0), 'x/Dockerfile:1\n--------------------\n   1 | >>> FROM a\n--------------------\n');
  assert.equal(at(9, 9), '');
  assert.equal(at(6, 99, 0), 'x/Dockerfile:6\n--------------------\n   6 | >>> END\n   7 | >>> \n--------------------\n');
});

test('formatExcerpt cuts long ranges and lines and shows control characters', () => {
  const long = formatExcerpt(`${'x\n'.repeat(1000)}`, { file: 'f', startLine: 1, endLine: 1000 });
  assert.ok(long.split('\n').length < 50);
  assert.match(long, / {5}\| \.\.\.\n/);
  assert.match(formatExcerpt(`\u001b[31m${'y'.repeat(1000)}`, { file: 'f', startLine: 1, endLine: 1 }), />>> \\u001b\[31my+\.\.\.\n/);
});
