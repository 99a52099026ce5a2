/**
 * Debian's busybox-static of other architectures. apt works in a folder of its own: the machine's list of architectures and
 * its package lists stay as they are.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readMirror, readSources, readSuite } from './debian-rootfs.ts';
import { mustRun } from './run-process.ts';

/** Debian's names by those of OCI platforms. */
export const debianArchitectures = { 'linux/amd64': 'amd64', 'linux/386': 'i386', 'linux/arm64': 'arm64', 'linux/arm/v7': 'armhf' } as const;
export type BusyboxPlatform = keyof typeof debianArchitectures;

/** Downloads and unpacks them; returns the program of each platform. `scratch` is an empty folder. */
export async function downloadBusyboxes(platforms: readonly BusyboxPlatform[], scratch: string): Promise<ReadonlyMap<BusyboxPlatform, string>> {
  const architectures = platforms.map((platform) => debianArchitectures[platform]);
  const options = await aptFolder(scratch, architectures);
  await mustRun('apt-get', [...options, 'update'], { cwd: scratch });
  await mustRun('apt-get', [...options, 'download', ...architectures.map((name) => `busybox-static:${name}`)], { cwd: scratch });
  const archives = (await readdir(scratch)).filter((name) => name.endsWith('.deb'));
  const programs = platforms.map(async (platform) => {
    const name = debianArchitectures[platform];
    const archive = archives.find((file) => file.endsWith(`_${name}.deb`));
    if (archive === undefined) throw new Error(`apt-get downloaded no busybox-static for ${name}, but ${archives.join(', ')}`);
    return [platform, await unpack(join(scratch, archive), join(scratch, `unpacked-${name}`))] as const;
  });
  return new Map(await Promise.all(programs));
}

async function aptFolder(scratch: string, architectures: readonly string[]): Promise<readonly string[]> {
  for (const folder of ['state/lists/partial', 'cache/archives/partial']) await mkdir(join(scratch, folder), { recursive: true });
  // The release alone: lists of updates for architectures that this machine never asks for need not be whole.
  const list = join(scratch, 'sources.list');
  await writeFile(list, `deb ${await readMirror(await readSources())} ${await readSuite()} main\n`);
  const settings = {
    'Dir::Etc::sourcelist': list, 'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State': join(scratch, 'state'), 'Dir::State::status': '/dev/null', 'Dir::Cache': join(scratch, 'cache'), 'Acquire::Languages': 'none',
    'APT::Update::Error-Mode': 'any', 'APT::Sandbox::User': 'root',
  };
  const listed = architectures.map((name) => `APT::Architectures::=${name}`);
  return ['-qq', ...[...Object.entries(settings).map(([name, value]) => `${name}=${value}`), ...listed].flatMap((setting) => ['-o', setting])];
}

async function unpack(archive: string, folder: string): Promise<string> {
  await mustRun('dpkg-deb', ['-x', archive, folder]);
  const found = (await mustRun('find', [folder, '-type', 'f', '-name', 'busybox', '-path', '*bin*'])).split('\n')[0];
  if (found === undefined || found === '') throw new Error(`no busybox in ${archive}`);
  return found;
}
