/** Folders and small file systems for one test, removed after it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export function temporaryFolder(test: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tsbuild-test-'));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Why a test that mounts is skipped here; false where it is not. */
export const skipWithoutRoot = process.getuid?.() === 0 ? false : 'mounting needs root';

/** A file system in memory with mount options such as `size=1m` or `ro`. */
export function mountedFolder(test: TestContext, options: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tsbuild-test-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
  test.after(() => {
    execFileSync('umount', ['-l', folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}
