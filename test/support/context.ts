/** Build contexts of tests: a fixture copied into a folder of the test's own, or files written there. */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { baseImage, type BaseName } from './base-images.ts';
import { repository } from './tsbuild.ts';

/** Copies `fixtures/e2e/NAME` and returns the copy. */
export async function copyFixture(name: string, folder: string): Promise<string> {
  const target = join(folder, name);
  await cp(join(repository, 'fixtures/e2e', name), target, { recursive: true });
  return target;
}

/** Writes files (path to text) into a new context folder and returns it. */
export async function writeContext(folder: string, files: Readonly<Record<string, string>>): Promise<string> {
  const target = join(folder, 'context');
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(target, path)), { recursive: true });
    await writeFile(join(target, path), text);
  }
  await mkdir(target, { recursive: true });
  return target;
}

/** The option that makes `FROM NAME` mean a base image of the tests, read from its OCI layout. */
export async function fromLayout(name: BaseName): Promise<readonly string[]> {
  return ['--build-context', `${name}=oci-layout://${await baseImage(name)}:latest`];
}
