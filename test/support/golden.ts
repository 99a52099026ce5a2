/** Texts that a person reviewed, kept beside the tests. `UPDATE_GOLDEN=1 npm test` rewrites them. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { repository } from './tsbuild.ts';

/** Compares with `test/e2e/golden/NAME.txt`. */
export function checkGolden(name: string, actual: string): void {
  const file = join(repository, 'test/e2e/golden', `${name}.txt`);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, actual);
  }
  assert.equal(actual, existsSync(file) ? readFileSync(file, 'utf8') : `(no golden: run with UPDATE_GOLDEN=1) ${file}`);
}
