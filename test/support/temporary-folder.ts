/** A folder of one test's own, removed after it. What is left mounted in it makes the removal, and so the test, fail. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** The path of a new, empty folder. `test` may also be a suite's `{ after }`. */
export function temporaryFolder(test: Pick<TestContext, 'after'>): string {
  const folder = mkdtempSync(join(tmpdir(), 'tsbuild-e2e-'));
  test.after(() => { rmSync(folder, { recursive: true, force: true, maxRetries: 3 }); });
  return folder;
}
