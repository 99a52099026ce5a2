/** A layer with this machine's Node.js and npm, to lie on a Debian root file system of the same release. */
import { chmod, cp, mkdir, realpath, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { findProgram } from './needs.ts';
import { copyProgram } from './shared-libraries.ts';

/** Fills `root`, a new folder, with /usr/bin/{node,npm,npx} and what they load. */
export async function makeNodeTree(root: string): Promise<void> {
  await copyProgram(process.execPath, 'usr/bin/node', root, true);
  const cli = findProgram('npm');
  if (cli === undefined) throw new Error('base image: npm is not installed');
  const npm = dirname(dirname(await realpath(cli)));
  const target = join(root, 'usr/lib/node_modules/npm');
  await mkdir(dirname(target), { recursive: true });
  await cp(npm, target, { recursive: true, verbatimSymlinks: true });
  for (const name of ['npm', 'npx']) await symlink(`../lib/node_modules/npm/bin/${name}-cli.js`, join(root, 'usr/bin', name));
  await chmod(root, 0o755);
}
