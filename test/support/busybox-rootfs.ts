/**
 * The smallest root file system in which a RUN works, made without root and without a registry: Debian's busybox-static
 * where apt is, else the busybox that is installed, else the machine's own shell and a few of its tools.
 */
import { chmod, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram } from './needs.ts';
import { mustRun, runProcess } from './run-process.ts';
import { copyProgram } from './shared-libraries.ts';

/** The tools that the fixtures of tests use, for machines without busybox. */
const tools = [
  'sh', 'cat', 'chmod', 'chown', 'cp', 'cut', 'date', 'echo', 'env', 'false', 'grep', 'head', 'id', 'ln', 'ls', 'mkdir', 'mv',
  'printf', 'pwd', 'rm', 'sed', 'seq', 'sha256sum', 'sleep', 'sort', 'stat', 'tail', 'test', 'touch', 'tr', 'true', 'uniq', 'wc',
];

/** Fills `root`, a new folder. `scratch` is an empty folder for downloads. */
export async function makeBusyboxRootfs(root: string, scratch: string): Promise<void> {
  const busybox = await downloadBusybox(scratch) ?? findProgram('busybox');
  if (busybox === undefined) await copyTools(root);
  else await installBusybox(busybox, root);
  await addFiles(root);
}

// `apt-get download` needs no root, only that the lists of packages are there.
async function downloadBusybox(scratch: string): Promise<string | undefined> {
  if (findProgram('apt-get') === undefined || findProgram('dpkg-deb') === undefined) return undefined;
  const { exitCode } = await runProcess('apt-get', ['download', 'busybox-static'], { cwd: scratch });
  const archive = (await readdir(scratch)).find((name) => name.endsWith('.deb'));
  if (exitCode !== 0 || archive === undefined) return undefined;
  const unpacked = join(scratch, 'unpacked');
  await mustRun('dpkg-deb', ['-x', join(scratch, archive), unpacked]);
  const { stdout } = await runProcess('find', [unpacked, '-type', 'f', '-name', 'busybox', '-path', '*bin*']);
  return stdout.split('\n').find((line) => line !== '');
}

async function installBusybox(busybox: string, root: string): Promise<void> {
  const applets = (await mustRun(busybox, ['--list'])).split('\n').filter((name) => name !== '' && name !== 'busybox');
  await linkApplets(busybox, applets, root);
}

async function linkApplets(busybox: string, applets: readonly string[], root: string): Promise<void> {
  await copyProgram(busybox, 'bin/busybox', root, false);
  for (const name of applets) await symlink('busybox', join(root, 'bin', name));
}

/** Fills `root` with a busybox that this machine may not be able to run. */
export async function makeForeignRootfs(root: string, busybox: string): Promise<void> {
  await linkApplets(busybox, [...tools, 'uname'], root);
  await addFiles(root);
}

async function copyTools(root: string): Promise<void> {
  for (const name of tools) {
    const program = findProgram(name);
    if (program !== undefined) await copyProgram(program, join('bin', name), root, false);
    else if (name === 'sh') throw new Error('base image: this machine has no apt, no busybox and no sh');
  }
}

async function addFiles(root: string): Promise<void> {
  const folders = { etc: 0o755, home: 0o755, root: 0o700, tmp: 0o1777, usr: 0o755, 'usr/bin': 0o755, var: 0o755, 'var/tmp': 0o1777 };
  for (const [folder, mode] of Object.entries(folders)) {
    await mkdir(join(root, folder), { recursive: true });
    await chmod(join(root, folder), mode);
  }
  await symlink('../../bin/env', join(root, 'usr/bin/env'));
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n');
  await writeFile(join(root, 'etc/group'), 'root:x:0:\ndaemon:x:1:\nnogroup:x:65534:\n');
  await chmod(root, 0o755);
  for (const file of ['etc/passwd', 'etc/group']) await chmod(join(root, file), 0o644);
  for (const folder of ['bin', 'lib', 'lib64']) await mkdir(join(root, folder), { recursive: true, mode: 0o755 });
}
