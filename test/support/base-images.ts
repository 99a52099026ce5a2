/**
 * Base images for tests, as OCI layouts, made from what the machine has and kept between test runs outside the
 * repository. Start at `baseImage`. `make-base.ts` is the same as a script.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeBusyboxRootfs, makeForeignRootfs } from './busybox-rootfs.ts';
import { imageBundle, makeDebianTar, readSources } from './debian-rootfs.ts';
import { downloadBusyboxes } from './foreign-busybox.ts';
import { findProgram } from './needs.ts';
import { makeNodeTree } from './node-rootfs.ts';
import { writeIndexLayout, writeLayout, type BaseConfig, type ImageInput } from './oci-layout.ts';
import { packTree } from './pack-tree.ts';
import { mustRun } from './run-process.ts';

/**
 * `node` is Debian with this machine's Node.js. `platforms` is an index of busyboxes: linux/amd64, 386, arm64 and arm/v7.
 * All but `busybox` need root.
 */
export const baseNames = ['busybox', 'debian', 'node', 'platforms'] as const;
export type BaseName = (typeof baseNames)[number];

/** Raised when the images are made differently, so that kept ones are not used any more. */
const recipeVersion = 1;
const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The layout's folder; its image is tagged `latest`. Made where it is not kept yet; processes wait for each other. */
export async function baseImage(name: BaseName): Promise<string> {
  const folder = join(await cacheFolder(), `${name}-${await recipeDigest(name)}`);
  if (existsSync(folder)) return folder;
  const script = join(dirname(fileURLToPath(import.meta.url)), 'make-base.ts');
  const make = [process.execPath, '--import=tsx', script, name, folder];
  const flock = findProgram('flock');
  const [command = '', ...args] = flock === undefined ? make : [flock, `${folder}.lock`, ...make];
  await mustRun(command, args, { cwd: dirname(dirname(dirname(script))) });
  return folder;
}

async function cacheFolder(): Promise<string> {
  const user = String(process.getuid?.() ?? 'any');
  const folder = join(tmpdir(), `tsbuild-test-cache-${String(recipeVersion)}-${user}`);
  await mkdir(folder, { recursive: true, mode: 0o755 });
  return folder;
}

// What an image depends on beyond the recipe: other sources or another Node make another image.
async function recipeDigest(name: BaseName): Promise<string> {
  const hash = createHash('sha256').update(name);
  if (name !== 'busybox') for (const file of await readSources()) hash.update(await readFile(file));
  if (name === 'node') hash.update(process.version);
  return hash.digest('hex').slice(0, 12);
}

/** Makes the image at `folder`, unless it is there. Nothing incomplete ever stands under that name. */
export async function makeBase(name: BaseName, folder: string): Promise<void> {
  if (existsSync(folder)) return;
  await mkdir(dirname(folder), { recursive: true });
  const scratch = await mkdtemp(join(dirname(folder), `.${name}-`));
  try {
    const layout = join(scratch, 'layout');
    await writeBase(name, scratch, layout);
    if (!existsSync(folder)) await rename(layout, folder);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function writeBase(name: BaseName, scratch: string, layout: string): Promise<void> {
  if (name === 'platforms') return writePlatforms(scratch, layout);
  const layerTars = [await layerTar(name === 'node' ? 'debian' : name, scratch)];
  if (name === 'node') layerTars.push(await layerTar('node', scratch));
  await writeLayout({ folder: layout, tag: 'latest', layerTars, gzip: name !== 'busybox', config: configs[name] });
}

async function writePlatforms(scratch: string, layout: string): Promise<void> {
  const downloads = join(scratch, 'downloads');
  await mkdir(downloads);
  const busyboxes = await downloadBusyboxes(['linux/amd64', 'linux/386', 'linux/arm64', 'linux/arm/v7'], downloads);
  const images: ImageInput[] = [];
  for (const [platform, busybox] of busyboxes) {
    const name = platform.replaceAll('/', '_');
    const tree = join(scratch, name);
    await mkdir(tree, { mode: 0o755 });
    await makeForeignRootfs(tree, busybox);
    const tar = join(scratch, `${name}.tar`);
    await packTree({ folder: tree, tar, ownedByRoot: true });
    const [os = '', architecture = '', variant] = platform.split('/');
    images.push({ layerTars: [tar], gzip: true, config: configs.busybox, platform: { os, architecture, ...(variant === undefined ? {} : { variant }) } });
  }
  await writeIndexLayout({ folder: layout, tag: 'latest', images });
}

const configs: Readonly<Record<Exclude<BaseName, 'platforms'>, BaseConfig>> = {
  busybox: { Env: [path], Cmd: ['sh'] },
  debian: { Env: [path], Cmd: ['bash'] },
  node: { Env: [path, `NODE_EXTRA_CA_CERTS=${imageBundle}`], Cmd: ['node'] },
};

async function layerTar(name: Exclude<BaseName, 'platforms'>, scratch: string): Promise<string> {
  const tar = join(scratch, `${name}.tar`);
  const tree = join(scratch, `${name}-tree`);
  const downloads = join(scratch, `${name}-downloads`);
  await mkdir(tree, { mode: 0o755 });
  await mkdir(downloads);
  if (name === 'debian') {
    await makeDebianTar(tar, downloads);
    return tar;
  }
  if (name === 'busybox') await makeBusyboxRootfs(tree, downloads);
  else await makeNodeTree(tree);
  await packTree({ folder: tree, tar, ownedByRoot: true });
  return tar;
}
