/** Copies programs of this machine with the shared libraries that they load. */
import { chmod, copyFile, mkdir, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { runProcess } from './run-process.ts';

/** The absolute paths of a program's shared libraries and loader, as `ldd` tells them; none for a static program. */
export async function librariesOf(program: string): Promise<readonly string[]> {
  const { stdout } = await runProcess('ldd', [program]);
  const paths = [...stdout.matchAll(/(?:=> |^\s+)(\/\S+)/gm)].map((match) => match[1] ?? '');
  return [...new Set(paths)].sort();
}

/**
 * Copies programs to `root`/bin and their libraries to the paths at which the loader looks.
 * With `resolveFolders` a library goes to the folder behind symlinks such as /lib -> usr/lib.
 */
export async function copyProgram(program: string, target: string, root: string, resolveFolders: boolean): Promise<void> {
  await copyExecutable(program, join(root, target));
  for (const library of await librariesOf(program)) {
    const folder = resolveFolders ? await realpath(dirname(library)) : dirname(library);
    await copyExecutable(library, join(root, folder, basename(library)));
  }
}

async function copyExecutable(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(await realpath(from), to);
  await chmod(to, 0o755);
}
