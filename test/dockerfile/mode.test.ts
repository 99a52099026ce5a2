import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { TsbuildError } from '../../src/base/errors.ts';
import { applyMode, parseMode } from '../../src/dockerfile/mode.ts';

test('parseMode reads octal modes up to 07777', () => {
  assert.deepEqual(parseMode('755'), { kind: 'octal', mode: 0o755 });
  assert.deepEqual(parseMode('0'), { kind: 'octal', mode: 0 });
  assert.deepEqual(parseMode('07777'), { kind: 'octal', mode: 0o7777 });
  assert.deepEqual(parseMode('0000644'), { kind: 'octal', mode: 0o644 });
});

test('parseMode refuses everything else', () => {
  for (const text of ['', '8', '10000', '0o755', 'u', '+y', 'u=rw,', ',u=r', 'rwx', 'u =r', '$M', 'u=r;g=w', '-1', '=r755']) {
    assert.throws(() => parseMode(text), (error) => error instanceof TsbuildError && error.code === 'MODE_INVALID', text);
  }
});

test('applyMode applies symbolic modes', () => {
  const table: readonly (readonly [mode: string, before: number, isDirectory: boolean, after: number])[] = [
    ['u=rwX,go=rX', 0o600, false, 0o644], ['u=rwX,go=rX', 0o700, false, 0o755], ['u=rwX,go=rX', 0o600, true, 0o755], ['u=rwX,go=rX', 0o001, false, 0o755],
    ['u+x', 0o644, false, 0o744], ['+x', 0o644, false, 0o755], ['a-w', 0o666, false, 0o444], ['go=', 0o777, false, 0o700], ['g=u', 0o640, false, 0o660],
    ['go=u-w', 0o640, false, 0o644], ['o=g', 0o751, false, 0o755], ['u+s', 0o755, false, 0o4755], ['g+s', 0o755, true, 0o2755], ['+t', 0o777, true, 0o1777],
    ['u=rw', 0o4755, false, 0o655], ['a+rX', 0o640, false, 0o644], ['a+rX', 0o640, true, 0o755], ['u-x+X', 0o700, false, 0o700], ['u+', 0o644, false, 0o644],
    ['o+s', 0o644, false, 0o644], ['a=', 0o7777, false, 0o1000],
  ];
  for (const [mode, before, isDirectory, after] of table) {
    assert.equal(applyMode(parseMode(mode), before, isDirectory).toString(8), after.toString(8), `${mode} on ${before.toString(8)}`);
  }
});

test('applyMode agrees with chmod(1) where BSD and GNU agree', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tsbuild-mode-'));
  try {
    const file = join(folder, 'file');
    const directory = join(folder, 'directory');
    writeFileSync(file, '');
    mkdirSync(directory);
    for (const mode of ['u=rwX,go=rX', 'a+rX', 'go-w', 'u+x,g-r', 'g=u', 'a=r,u+w', 'ug=rw,o=']) {
      for (const before of [0o600, 0o644, 0o711]) {
        for (const path of [file, directory]) {
          chmodSync(path, before);
          execFileSync('chmod', [mode, path]);
          assert.equal(applyMode(parseMode(mode), before, path === directory), statSync(path).mode & 0o7777, `${mode} on ${before.toString(8)}`);
        }
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
